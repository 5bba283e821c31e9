from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import PositiveInt, ValidationError, model_validator

from zoo.components.schedules import Schedule
from zoo.config.schema import Config, Field, ScheduleValue, to_json, validate
from zoo.errors import ZooError


class Net(Config):
    net_arch: list[int] | dict[str, list[int]] = Field([64], description="Layer sizes.")
    activation_fn: Literal["tanh", "relu", "leaky-relu"] = Field("tanh", description="Between.")


class Example(Config):
    gamma: float = Field(0.99, ge=0, le=1, description="Discount factor.")
    n_steps: int = Field(5, gt=0, description="Steps.")
    policy: str = Field("MlpPolicy", description="Policy.")
    use_sde: bool = Field(False, description="Noise.")
    learning_rate: ScheduleValue = Field(3e-4, description="Step size.")
    clip_range_vf: ScheduleValue | None = Field(None, description="Clipping.")
    ent_coef: float | Literal["auto"] = Field("auto", description="Entropy.")
    train_freq: PositiveInt | tuple[PositiveInt, Literal["step", "episode"]] = Field(
        1, description="How often."
    )
    betas: tuple[float, float] = Field((0.9, 0.999), description="Betas.")
    limits: dict[str, int] = Field({}, description="Limits.")
    normalize: bool | Net = Field(False, description="Either.")
    policy_kwargs: Net = Field(Net(), description="The network.")
    target_kl: float | None = Field(None, gt=0, description="Limit.")


def refusal(values: dict[str, Any], **more: Any) -> str:
    with pytest.raises(ZooError) as caught:
        validate(Example, values, lambda key: "f.yml:3: CartPole-v1", **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "written", "read"),
    [
        ("gamma", 1, 1.0),
        ("n_steps", 1e6, 1_000_000),
        ("ent_coef", "auto", "auto"),
        ("ent_coef", 0.0, 0.0),
        ("train_freq", [1, "episode"], (1, "episode")),
        ("train_freq", [2.0, "step"], (2, "step")),
        ("train_freq", 4.0, 4),
        ("betas", [0.5, 1], (0.5, 1.0)),
        ("limits", {"a": 2.0}, {"a": 2}),
        ("normalize", True, True),
        ("normalize", {"net_arch": [8.0]}, Net(net_arch=[8])),
        ("policy_kwargs", {"net_arch": {"pi": [8, 8.0]}}, Net(net_arch={"pi": [8, 8]})),
        ("learning_rate", "lin_0.001", Schedule("linear", 0.001)),
        ("learning_rate", 1, Schedule("constant", 1.0)),
        ("clip_range_vf", None, None),
        ("clip_range_vf", 0.1, Schedule("constant", 0.1)),
    ],
)
def test_what_yaml_writes_is_read_as_the_field_wants_it(key: str, written: Any, read: Any) -> None:
    value = getattr(validate(Example, {key: written}), key)
    assert value == read
    assert type(value) is type(read)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"n_steps": True}, "key 'n_steps': expected int, got true"),
        ({"n_steps": 1.5}, "key 'n_steps': expected int, got 1.5"),
        ({"n_steps": "5"}, "key 'n_steps': expected int, got '5'. Remove the quotes"),
        ({"n_steps": 0}, "key 'n_steps': must be greater than 0, got 0"),
        ({"gamma": "1e-3"}, "key 'gamma': expected number, got '1e-3'. Remove the quotes"),
        ({"gamma": True}, "key 'gamma': expected number, got true"),
        ({"gamma": 1.5}, "key 'gamma': must be less than or equal to 1, got 1.5"),
        ({"gamma": float("nan")}, "key 'gamma': must be a finite number, got nan"),
        ({"gamma": None}, "key 'gamma': expected number, got null"),
        ({"use_sde": 1}, "key 'use_sde': expected bool, got 1"),
        ({"use_sde": "yes"}, "key 'use_sde': expected bool, got 'yes'"),
        ({"policy": 3}, "key 'policy': expected text, got 3"),
        (
            {"learning_rate": "cosine_0.1"},
            "key 'learning_rate': unknown schedule 'cosine' in 'cosine_0.1'. "
            "Did you mean lin_0.1? Schedules are a number or lin_NUMBER",
        ),
        (
            {"ent_coef": "atuo"},
            "key 'ent_coef': expected number or auto, got 'atuo'. Did you mean auto?",
        ),
        (
            {"train_freq": [1, "epoch"]},
            "key 'train_freq': expected int > 0 or [int > 0, step or episode], got [1, epoch]",
        ),
        ({"betas": [0.9]}, "key 'betas': expected [number, number], got [0.9]"),
        ({"betas": [1, 2, 3]}, "key 'betas': expected [number, number], got [1, 2, 3]"),
        ({"limits": {"a": "1"}}, "key 'limits': expected mapping of int, got {a: \"1\"}"),
        ({"normalize": 3}, "key 'normalize': expected bool or mapping, got 3"),
        ({"target_kl": -1}, "key 'target_kl': must be greater than 0, got -1"),
        (
            {"policy_kwargs": {"activation_fn": "rleu"}},
            "key 'policy_kwargs.activation_fn': expected tanh, relu or leaky-relu, got 'rleu'. "
            "Did you mean relu?",
        ),
        (
            {"policy_kwargs": {"net_arc": [64]}},
            "key 'policy_kwargs.net_arc': unknown key. Did you mean net_arch?",
        ),
        (
            {"normalize": {"zzz": 1}},
            "key 'normalize.zzz': unknown key. Known keys: activation_fn, net_arch",
        ),
        ({"polcy": "x"}, "key 'polcy': unknown key. Did you mean policy?"),
        ({"polcy": "x", "gamma": "y"}, "key 'polcy': unknown key. Did you mean policy?"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_a_remedy(
    values: dict[str, Any], what: str
) -> None:
    assert refusal(values).startswith(f"f.yml:3: CartPole-v1: {what}")


def test_keys_that_belong_elsewhere_are_suggested_too() -> None:
    assert "Did you mean n_timesteps" in refusal({"n_timestep": 3}, also_known=["n_timesteps"])
    assert "n_timesteps" not in refusal({"policy_kwargs": {"n_timestep": 3}})


def test_the_place_is_asked_for_by_the_dotted_key() -> None:
    asked = []
    with pytest.raises(ZooError):
        validate(
            Example, {"policy_kwargs": {"net_arch": "wide"}}, lambda key: asked.append(key) or ""
        )
    assert asked == ["policy_kwargs.net_arch"]


def test_long_values_are_cut_in_messages() -> None:
    assert len(refusal({"n_steps": list(range(1000))})) < 200


def test_an_empty_config_has_its_defaults_validated() -> None:
    class Wrong(Config):
        gamma: float = Field(3, le=1, description="Out of its own bounds.")

    with pytest.raises(ZooError, match="key 'gamma': the default is wrong"):
        validate(Wrong, {})
    assert validate(Example, {}).learning_rate == Schedule("constant", 3e-4)


def test_a_missing_key_is_named() -> None:
    class Strict(Config):
        horizon: int = Field(description="No default.")

    with pytest.raises(ZooError, match="key 'horizon': missing"):
        validate(Strict, {})


def test_an_author_may_refuse_combinations_with_either_error() -> None:
    class Pair(Config):
        low: int = Field(0, description="Low.")
        kind: type[Exception] | None = Field(None, exclude=True, description="What to raise.")

        @model_validator(mode="after")
        def ordered(self) -> Pair:
            if self.kind is not None:
                raise self.kind("low is too low")
            return self

    for kind in (ZooError, ValueError):
        with pytest.raises(ZooError, match=r"^here: low is too low$"):
            validate(Pair, {"kind": kind}, lambda key: "here")


def test_a_config_cannot_be_changed() -> None:
    config = validate(Example, {})
    with pytest.raises(ValidationError):
        config.gamma = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"learning_rate": "lin_0.1", "clip_range_vf": 0.2},
        {"train_freq": [1, "episode"], "betas": [0.1, 0.2], "limits": {"a": 1}},
        {"normalize": {"net_arch": {"pi": [1], "vf": []}}, "policy_kwargs": {"net_arch": []}},
    ],
)
def test_json_of_a_config_gives_the_config_back(values: dict[str, Any]) -> None:
    import json

    config = validate(Example, values)
    assert validate(Example, json.loads(json.dumps(to_json(config)))) == config
