from __future__ import annotations

from typing import Any

import pytest

from zoo.config.schema import validate
from zoo.config.settings import RunSettings
from zoo.errors import ZooError


@pytest.mark.parametrize(
    ("written", "wrappers"),
    [
        (None, ()),
        ([], ()),
        ("history", (("history", {}),)),
        ({"history": {"horizon": 3}}, (("history", {"horizon": 3}),)),
        (
            ["atari", {"history": {"horizon": 3}}, {"time-feature": None}],
            (("atari", {}), ("history", {"horizon": 3}), ("time-feature", {})),
        ),
    ],
)
def test_wrappers_are_read_in_every_form_that_rl_zoo_users_write(
    written: Any, wrappers: tuple[Any, ...]
) -> None:
    assert validate(RunSettings, {"env_wrapper": written}).wrappers == wrappers


def test_the_frame_stack_is_the_outermost_wrapper() -> None:
    settings = validate(RunSettings, {"env_wrapper": ["atari"], "frame_stack": 4})
    assert settings.wrappers == (("atari", {}), ("frame-stack", {"n": 4}))


@pytest.mark.parametrize(
    "values",
    [
        {"env_wrapper": [{"a": {}, "b": {}}]},
        {"env_wrapper": [{"a": 3}]},
        {"env_wrapper": [3]},
        {"env_wrapper": 3},
        {"n_timesteps": 0},
        {"n_timesteps": "1e6"},
        {"n_envs": True},
        {"n_envs": 1.5},
        {"frame_stack": 0},
        {"env_kwargs": [1]},
    ],
)
def test_wrong_settings_are_refused_by_name(values: dict[str, Any]) -> None:
    with pytest.raises(ZooError, match=f"key '{next(iter(values))}'"):
        validate(RunSettings, values)
