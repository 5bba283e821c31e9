from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo.components.schedules import Schedule
from zoo.config.recipes import check_file, list_recipes, load_recipe
from zoo.errors import ZooError


def sources(recipe: object) -> dict[str, str]:
    """Return where each value was written, the config's own defaults left out."""
    values = recipe.values  # type: ignore[attr-defined]
    return {key: item.source for key, item in values.items() if item.source != "default"}


def test_layers_win_key_by_key_and_each_value_knows_its_own(layers: Any) -> None:
    layers.shipped("CartPole-v1:\n  gamma: 0.1\n  n_steps: 1\n  n_envs: 1\n  n_timesteps: 1e1\n")
    layers.plugin("CartPole-v1:\n  gamma: 0.2\n  n_steps: 2\n  n_envs: 2\n")
    layers.project("CartPole-v1:\n  gamma: 0.3\n  n_steps: 3\n")
    mine = layers.user("CartPole-v1:\n  gamma: 0.4\n")
    recipe = load_recipe("toy", "CartPole-v1", user_file=mine)
    assert (recipe.config.gamma, recipe.config.n_steps) == (0.4, 3)
    assert (recipe.settings.n_envs, recipe.settings.n_timesteps) == (2, 10)
    found = sources(recipe)
    assert found["gamma"] == "mine.yml:2"
    assert found["n_steps"] == "hyperparams/toy.yml:3"
    assert found["n_envs"].endswith("plugin/toy.yml:4")
    assert found["n_timesteps"].endswith("shipped/hyperparams/toy.yml:5")
    assert recipe.values["learning_rate"].source == "default"
    assert recipe.values["learning_rate"].value == 3e-4
    assert repr(recipe.values["n_timesteps"].value) == "10"

    recipe = load_recipe("toy", "CartPole-v1", user_file=mine, overrides=["gamma=0.5"])
    assert recipe.config.gamma == 0.5
    assert sources(recipe)["gamma"] == "--set"


def test_without_any_recipe_the_defaults_hold(layers: Any) -> None:
    recipe = load_recipe("toy", "CartPole-v1")
    assert sources(recipe) == {}
    assert recipe.config.gamma == 0.99
    assert set(recipe.values) == {
        *("n_timesteps", "n_envs", "env_wrapper", "frame_stack", "env_kwargs"),
        *("gamma", "n_steps", "learning_rate", "normalize", "policy_kwargs"),
    }


def test_the_default_entry_lies_under_everything_in_its_file(layers: Any) -> None:
    layers.shipped("default: {gamma: 0.1, n_steps: 1}\nCartPole-v1: {n_steps: 2}\n")
    assert load_recipe("toy", "CartPole-v1").config.gamma == 0.1
    assert load_recipe("toy", "CartPole-v1").config.n_steps == 2
    assert load_recipe("toy", "Other-v0").config.n_steps == 1


def test_a_family_has_its_base_unless_the_id_has_an_entry(layers: Any) -> None:
    layers.shipped(
        "mujoco: {gamma: 0.5, n_steps: 7}\nHopper-v5: {n_steps: 8}\nAnt-v5: {base: mujoco}\n"
        "atari: {frame_stack: 4}\natari-v5: {base: atari, env_kwargs: {frameskip: 1}}\n"
    )
    assert load_recipe("toy", "Walker2d-v5").config.gamma == 0.5
    assert load_recipe("toy", "Hopper-v5").config.gamma == 0.99
    assert load_recipe("toy", "Ant-v5").config.n_steps == 7
    v5, v4 = load_recipe("toy", "ALE/Pong-v5"), load_recipe("toy", "PongNoFrameskip-v4")
    assert v5.settings.wrappers == v4.settings.wrappers == (("frame-stack", {"n": 4}),)
    assert (v5.settings.env_kwargs, v4.settings.env_kwargs) == ({"frameskip": 1}, {})


def test_an_entry_can_name_a_base_of_its_own_file_or_of_a_lower_layer(layers: Any) -> None:
    layers.shipped("default: {gamma: 0.1}\nsmall: {n_steps: 3}\n")
    layers.project("Mine-v0: {base: small, n_envs: 2}\n")
    recipe = load_recipe("toy", "Mine-v0")
    assert (recipe.config.n_steps, recipe.config.gamma, recipe.settings.n_envs) == (3, 0.1, 2)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "small: {}\nCartPole-v1:\n  base: smal\n",
            "hyperparams/toy.yml:3: CartPole-v1: key 'base': there is no entry 'smal'. "
            "Did you mean small?",
        ),
        (
            "CartPole-v1:\n  base: 3\n",
            "hyperparams/toy.yml:2: CartPole-v1: key 'base': expected the name of an entry, got 3",
        ),
        (
            "a: {base: b}\nb: {base: a}\nCartPole-v1: {base: a}\n",
            "hyperparams/toy.yml:1: a: its bases form a circle. Remove one base: line",
        ),
        (
            "CartPole-v1:\n  gamma: 0.9\n  gama: 0.9\n",
            "hyperparams/toy.yml:3: CartPole-v1: key 'gama': unknown key. Did you mean gamma?",
        ),
        (
            "CartPole-v1:\n  n_env: 2\n",
            "hyperparams/toy.yml:2: CartPole-v1: key 'n_env': unknown key. Did you mean n_envs?",
        ),
        (
            "default:\n  gamma: 2\n",
            "hyperparams/toy.yml:2: CartPole-v1 (from default): key 'gamma': "
            "must be less than or equal to 1, got 2",
        ),
        (
            "CartPole-v1:\n  learning_rate: cosine_0.1\n",
            "hyperparams/toy.yml:2: CartPole-v1: key 'learning_rate': unknown schedule 'cosine' "
            "in 'cosine_0.1'. Did you mean lin_0.1? Schedules are a number or lin_NUMBER",
        ),
        (
            "CartPole-v1:\n  policy_kwargs:\n    net_arch: [8]\n    activation_fn: nn.ReLU\n",
            "hyperparams/toy.yml:4: CartPole-v1: key 'policy_kwargs.activation_fn': "
            "expected tanh or relu, got 'nn.ReLU'. Did you mean relu?",
        ),
        (
            "CartPole-v1:\n  n_timesteps: '1e5'\n",
            "hyperparams/toy.yml:2: CartPole-v1: key 'n_timesteps': expected int, got '1e5'. "
            "Remove the quotes",
        ),
        (
            "CartPole-v1:\n  env_wrapper:\n    - time-limit\n    - time-limt: {skip: 2}\n",
            "hyperparams/toy.yml:4: CartPole-v1: key 'env_wrapper': "
            "there is no wrapper 'time-limt'. Did you mean time-limit",
        ),
        ("CartPole-v1: 3\n", "hyperparams/toy.yml:1: CartPole-v1: an entry maps keys to values"),
        ("- 3\n", "hyperparams/toy.yml:1: a recipe file maps environment ids to their keys"),
        (
            "CartPole-v1:\n  gamma: !!python/name:os.system\n",
            "hyperparams/toy.yml:2: CartPole-v1: the tag !!python/name:os.system is not allowed",
        ),
    ],
)
def test_mistakes_are_told_with_file_line_and_environment(
    layers: Any, text: str, error: str
) -> None:
    layers.project(text)
    with pytest.raises(ZooError) as refusal:
        load_recipe("toy", "CartPole-v1")
    assert str(refusal.value).startswith(error)
    assert "\n" not in str(refusal.value)


def test_a_mistake_in_an_anchor_is_told_with_the_anchors_line(layers: Any) -> None:
    layers.project("A-v0: &a\n  gamma: high\nCartPole-v1:\n  <<: *a\n  n_steps: 2\n")
    with pytest.raises(ZooError, match=r"toy\.yml:2: CartPole-v1: key 'gamma'"):
        load_recipe("toy", "CartPole-v1")


def test_set_reaches_into_a_mapping_and_names_both_sources(layers: Any) -> None:
    layers.project("CartPole-v1:\n  policy_kwargs:\n    activation_fn: relu\n  normalize: true\n")
    recipe = load_recipe(
        "toy",
        "CartPole-v1",
        overrides=["policy_kwargs.net_arch=[8]", "normalize.norm_reward=false"],
    )
    assert recipe.config.policy_kwargs.activation_fn == "relu"
    assert recipe.config.policy_kwargs.net_arch == [8]
    assert recipe.config.normalize == {"norm_reward": False}
    assert sources(recipe)["policy_kwargs"] == "hyperparams/toy.yml:2 + --set"
    assert sources(recipe)["normalize"] == "--set"


def test_mistakes_of_set_are_told_as_such_and_those_beside_it_as_the_files(layers: Any) -> None:
    layers.project("CartPole-v1:\n  policy_kwargs:\n    activation_fn: relu\n")
    with pytest.raises(ZooError, match=r"^--set: CartPole-v1: key 'policy_kwargs\.net_arc': unk"):
        load_recipe("toy", "CartPole-v1", overrides=["policy_kwargs.net_arc=[8]"])
    layers.project("CartPole-v1:\n  policy_kwargs:\n    activation_fn: rleu\n")
    with pytest.raises(ZooError, match=r"^hyperparams/toy\.yml:3: CartPole-v1"):
        load_recipe("toy", "CartPole-v1", overrides=["policy_kwargs.net_arch=[8]"])


def test_values_that_do_not_go_together_are_told_with_their_entry(layers: Any) -> None:
    layers.project("\nCartPole-v1:\n  gamma: 1\n  n_steps: 13\n")
    with pytest.raises(ZooError, match=r"^hyperparams/toy\.yml:2: CartPole-v1: 13 steps need"):
        load_recipe("toy", "CartPole-v1")
    with pytest.raises(ZooError, match=r"^--set: Other-v0: 13 steps need .* Lower gamma$"):
        load_recipe("toy", "Other-v0", overrides=["gamma=1", "n_steps=13"])


def test_overrides_may_be_a_mapping_of_values(layers: Any) -> None:
    recipe = load_recipe(
        "toy",
        "CartPole-v1",
        overrides={"learning_rate": "lin_0.1", "policy_kwargs.net_arch": [8], "n_envs": 3},
    )
    assert recipe.config.learning_rate == Schedule("linear", 0.1)
    assert recipe.config.policy_kwargs.net_arch == [8]
    assert recipe.settings.n_envs == 3


def test_the_project_is_the_working_directory_unless_another_is_named(
    layers: Any, tmp_path: Path
) -> None:
    layers.project("CartPole-v1: {gamma: 0.3}\n")
    assert load_recipe("toy", "CartPole-v1").config.gamma == 0.3
    assert load_recipe("toy", "CartPole-v1", project=tmp_path).config.gamma == 0.99


def test_unknown_algorithms_and_files_are_refused(layers: Any, tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="Did you mean toy"):
        load_recipe("toi", "CartPole-v1")
    with pytest.raises(ZooError, match="there is no recipe file"):
        load_recipe("toy", "CartPole-v1", user_file=tmp_path / "absent.yml")


def test_recipes_are_listed_with_their_strongest_source(layers: Any) -> None:
    layers.shipped(
        "default: {gamma: 0.1}\nprobe: {n_envs: 1}\nsmall: {n_steps: 3}\n"
        "mujoco: {n_steps: 3}\nA-v0: {base: small}\nB-v0: {base: A-v0}\n"
    )
    layers.project("B-v0: {n_steps: 2}\n")
    rows = {env_id: source for _, env_id, source in list_recipes("toy")}
    assert list(rows) == ["A-v0", "B-v0", "MuJoCo"]
    assert rows["B-v0"] == "hyperparams/toy.yml:1"
    assert rows["A-v0"].endswith("shipped/hyperparams/toy.yml:5")
    assert list_recipes() == list_recipes("toy")


def test_a_file_is_checked_entry_by_entry(layers: Any) -> None:
    file = layers.user("A-v0: {gamma: 3}\nB-v0: {gamma: 0.3}\nC-v0: {n_step: 3}\n")
    first, second = check_file(file, "toy")
    assert first.message.startswith("mine.yml:1: A-v0: key 'gamma'")
    assert second.message.startswith("mine.yml:3: C-v0: key 'n_step'")
