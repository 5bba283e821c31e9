"""Names lead to specs and classes; clashes and broken answers are reported, never hidden."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.errors import MissingExtra, ZooError
from zoo.plugin.discovery import plugins
from zoo.plugin.registry import (
    AGENT,
    ENVIRONMENT,
    MODEL,
    WRAPPER,
    get_registry,
    register_plugin,
    reset_registry,
)
from zoo.plugin.targets import load_target

Install = Callable[..., Path]

LEARNER = """
from zoo import Agent, Algorithm

class Learner(Algorithm):
    def train(self, env, steps): yield
    def agent(self): ...
    def state(self): return {}
    def load_state(self, state): ...

class Portrait(Agent):
    kind = "portrait"
    def act(self, observations, *, deterministic=True, action_masks=None): ...
    def describe(self): return {}
    def tensors(self): return {}
    def restore(cls, *arguments): ...

NOTHING = None
"""


def algorithms(name: str, target: str = "stranger_code:Learner", more: str = "") -> str:
    """Return the source of a plugin that registers one algorithm."""
    return f"""
    @hookimpl
    def zoo_algorithms():
        return [AlgorithmSpec({name!r}, {target!r}, "Learns", ("box",), ("box",){more})]
    """


def error_of(name: str) -> str | None:
    """Return why a plugin was left out."""
    (found,) = [plugin for plugin in plugins() if plugin.name == name]
    return found.error


def test_an_algorithm_is_imported_only_when_its_class_is_asked_for(install: Install) -> None:
    install("lab", algorithms("lab-q"), stranger_code=LEARNER)
    registry = get_registry()
    assert registry.algorithm("lab-q").summary == "Learns"
    assert registry.owner("lab-q") == "lab"
    assert "stranger_code" not in sys.modules
    assert registry.algorithm_class("lab-q") is sys.modules["stranger_code"].Learner
    assert get_registry() is registry


def test_a_typo_in_a_name_gets_a_suggestion(install: Install) -> None:
    install("lab", algorithms("lab-q-learning"))
    with pytest.raises(ZooError, match=r"no algorithm 'lab-q-lerning'. Did you mean lab-q-learn"):
        get_registry().algorithm("lab-q-lerning")
    with pytest.raises(ZooError, match=r"List them with: zoo algos"):
        get_registry().algorithm("xxxxxxxxxxxxxx")
    with pytest.raises(ZooError, match=r"no agent kind 'tabel'. Did you mean table"):
        get_registry().agent_class("tabel")
    with pytest.raises(ZooError, match=r"no wrapper 'xxxxxxxxxxxxx'"):
        get_registry().wrapper("xxxxxxxxxxxxx")
    with pytest.raises(ZooError, match=r"no environment 'xxxxxxxxxxxxx'"):
        get_registry().environment("xxxxxxxxxxxxx")
    with pytest.raises(ZooError, match="no plugin registers the algorithm 'nobody'"):
        get_registry().owner("nobody")


def test_a_name_with_two_owners_is_an_error_that_names_both_when_it_is_used(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("lab", algorithms("shared-q"))
    install("desk", algorithms("shared-q"))
    install("attic", algorithms("attic-q"))
    registry = get_registry()
    both = "the algorithm 'shared-q' is registered by the plugins 'desk' and 'lab'"
    lines = [line for line in capsys.readouterr().err.splitlines() if "shared-q" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"zoo: {both}")
    for use in (registry.algorithm, registry.algorithm_class, registry.owner):
        with pytest.raises(ZooError, match=both):
            use("shared-q")
    assert "shared-q" not in registry.algorithms
    assert registry.algorithm("attic-q").name == "attic-q"
    rows = {plugin.name: plugin for plugin in plugins()}
    assert rows["lab"].error is None
    assert rows["lab"].warnings == rows["desk"].warnings == (both,)
    assert rows["attic"].warnings == ()


def test_choosing_one_plugin_resolves_a_clash(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("lab", algorithms("shared-q"))
    install("desk", algorithms("shared-q"))
    monkeypatch.setenv("ZOO_PLUGINS", "desk")
    assert get_registry().owner("shared-q") == "desk"


def test_a_clash_with_a_name_of_the_core_names_both(install: Install) -> None:
    kind = "AgentSpec('mlp', 'stranger_code:Portrait', 'Mine')"
    install("lab", f"@hookimpl\ndef zoo_agents(): return [{kind}]")
    with pytest.raises(
        ZooError, match="agent kind 'mlp' is registered by the plugins 'zoo' and 'l"
    ):
        get_registry().agent_class("mlp")
    assert get_registry().owner("table", AGENT) == "zoo"


def test_an_algorithm_and_an_agent_kind_may_share_a_name(install: Install) -> None:
    install("lab", algorithms("table"))
    assert get_registry().owner("table") == "lab"
    assert get_registry().owner("table", AGENT) == "zoo"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def zoo_algorithms(): pass", "zoo_algorithms returned NoneType, not a list of Algor"),
        ("def zoo_algorithms(): yield 1", "zoo_algorithms returned generator"),
        ("def zoo_algorithms(): return 'lab-q'", "zoo_algorithms returned str"),
        ("def zoo_algorithms(): return ['lab-q']", "a str in its list, not AlgorithmSpec"),
        ("def zoo_algorithms(): return [WrapperSpec('w', 'm:C', '')]", "returned a WrapperSpec"),
        ("def zoo_algorithms(): return 1 / 0", "zoo_algorithms raised ZeroDivisionError"),
        (
            "def zoo_agents(): return [AgentSpec('a', 'm:C', '')] * 2",
            "zoo_agents returned 'a' twice",
        ),
        ("def zoo_agents(): return [AgentSpec('../a', 'm:C', '')]", "kind must be made of letters"),
        ("def zoo_environments(): raise OSError('x')", "zoo_environments raised OSError: x"),
        (
            "def zoo_environments(): return ['CartPole-v1']",
            "EnvironmentSpec or ModelSpec or WrapperSpec",
        ),
        ("def zoo_recipes(): return '/tmp'", "zoo_recipes returned '/tmp', which is not the Path"),
        (
            "def zoo_recipes():\n    from pathlib import Path\n    return Path('no/such/folder')",
            "which is not the Path of a directory",
        ),
    ],
)
def test_a_wrong_answer_leaves_the_whole_plugin_out(
    install: Install, capsys: pytest.CaptureFixture[str], source: str, reason: str
) -> None:
    sound = "" if "zoo_algorithms" in source else algorithms("lab-q")
    install("lab", f"{sound.replace('    @', '@').replace('    def', 'def')}\n@hookimpl\n{source}")
    install("desk", algorithms("desk-q"))
    registry = get_registry()
    assert reason in (error_of("lab") or "")
    assert "lab-q" not in registry.algorithms
    assert "desk-q" in registry.algorithms
    assert capsys.readouterr().err.count("plugin 'lab' is broken") == 1


def test_specs_that_refuse_themselves_say_so_in_the_row(install: Install) -> None:
    install("lab", algorithms("lab-q", more=", needs='modle'"))
    assert "lab-q" not in get_registry().algorithms
    expected = "zoo_algorithms raised ZooError: lab-q: needs cannot be 'modle'. Did you mean model?"
    assert error_of("lab") == expected


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("stranger_code:Lerner", r"'lab'.*stranger_code has no 'Lerner'. Did you mean Learner"),
        ("stranger_code:NOTHING", r"'lab': stranger_code:NOTHING is not a subclass of zoo.Algor"),
        ("stranger_code:Portrait", "not a subclass of zoo.Algorithm"),
        ("stranger_gone:Learner", r"'lab'.*module 'stranger_gone' is not there. The plugin is inc"),
        ("stranger_needy:Learner", r"'lab': Algorithm 'lab-q'.*module 'nothere' is not there"),
        ("stranger_raises:Learner", r"'lab'.*importing stranger_raises raised ValueError: no luck"),
        ("stranger_exits:Learner", r"'lab'.*importing stranger_exits raised SystemExit: 3"),
    ],
)
def test_a_class_that_cannot_be_had_names_plugin_and_cause(
    install: Install, target: str, message: str
) -> None:
    install(
        "lab",
        algorithms("lab-q", target),
        stranger_code=LEARNER,
        stranger_needy="import nothere.deep",
        stranger_raises="raise ValueError('no luck')",
        stranger_exits="raise SystemExit(3)",
    )
    with pytest.raises(ZooError, match=message) as caught:
        get_registry().algorithm_class("lab-q")
    assert not isinstance(caught.value, MissingExtra)


def test_a_missing_package_of_an_extra_says_which_extra_of_whose_distribution(
    install: Install,
) -> None:
    source = algorithms("lab-q", "stranger_needy:Learner", ", extra='deep'")
    install("lab", source, distribution="zoo-lab", stranger_needy="import nothere.deep")
    with pytest.raises(MissingExtra, match=r'Algorithm \'lab-q\'.*"zoo-lab\[deep\]"'):
        get_registry().algorithm_class("lab-q")
    with pytest.raises(MissingExtra, match=r'Drawing needs .*"agent-zoo\[video\]"'):
        load_target("stranger_needy:Learner", feature="Drawing", extra="video")


def test_an_extra_does_not_excuse_a_module_that_the_plugin_forgot(install: Install) -> None:
    install("lab", algorithms("lab-q", "stranger_gone:Learner", ", extra='deep'"))
    with pytest.raises(ZooError, match="The plugin is incomplete") as caught:
        get_registry().algorithm_class("lab-q")
    assert not isinstance(caught.value, MissingExtra)


def test_load_target_follows_dots_and_needs_no_plugin() -> None:
    assert load_target("pathlib:Path.home") == Path.home


def test_an_agent_class_must_say_the_kind_that_it_is_registered_under(install: Install) -> None:
    kinds = "[AgentSpec(k, 'stranger_code:Portrait', '') for k in ('portrait', 'picture')]"
    install("lab", f"@hookimpl\ndef zoo_agents(): return {kinds}", stranger_code=LEARNER)
    assert get_registry().agent_class("portrait").kind == "portrait"
    with pytest.raises(ZooError, match="as agent kind 'picture', but the class says kind = 'port"):
        get_registry().agent_class("picture")


def test_environments_wrappers_and_recipes_are_found(install: Install, tmp_path: Path) -> None:
    source = f"""
    from pathlib import Path

    @hookimpl
    def zoo_environments():
        return (EnvironmentSpec("Lab-v0", "m:Env", "A lab"), WrapperSpec("lab-wrap", "m:W", ""))

    @hookimpl
    def zoo_recipes():
        return Path({str(tmp_path)!r})
    """
    install("lab", source)
    registry = get_registry()
    assert registry.environments["Lab-v0"] == registry.environment("Lab-v0")
    assert registry.wrapper("lab-wrap").target == "m:W"
    assert registry.owner("lab-wrap", WRAPPER) == "lab"
    assert ("lab", tmp_path) in registry.recipe_directories()


def test_a_model_goes_by_the_id_of_an_environment_that_another_plugin_may_bring(
    install: Install,
) -> None:
    environment = 'EnvironmentSpec("Lab-v0", "m:Env", "A lab")'
    install("lab", f"@hookimpl\ndef zoo_environments(): return [{environment}]")
    model = 'ModelSpec("Lab-v0", "m:model", "Its model")'
    install("desk", f"@hookimpl\ndef zoo_environments(): return [{model}]")
    registry = get_registry()
    assert registry.models["Lab-v0"].target == "m:model"
    assert registry.owner("Lab-v0", MODEL) == "desk"
    assert registry.owner("Lab-v0", ENVIRONMENT) == "lab"


def test_a_plugin_can_be_registered_for_this_process_alone(install: Install) -> None:
    from types import SimpleNamespace

    from zoo import AlgorithmSpec, hookimpl

    def zoo_algorithms() -> list[AlgorithmSpec]:
        return [AlgorithmSpec("notebook-q", "m:C", "", ("box",), ("box",))]

    assert "notebook-q" not in get_registry().algorithms
    plugin = SimpleNamespace(zoo_algorithms=hookimpl(zoo_algorithms))
    register_plugin("notebook", plugin)
    assert get_registry().owner("notebook-q") == "notebook"
    with pytest.raises(ZooError, match="'notebook' already belongs"):
        register_plugin("notebook", SimpleNamespace(zoo_algorithms=hookimpl(zoo_algorithms)))
    reset_registry()
    assert "notebook-q" not in get_registry().algorithms
