"""The masses of capsules before MuJoCo 2.1.1, put back into today's models."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from zoo.environments.config import EnvironmentConfig
from zoo.environments.make import make
from zoo.environments.old_masses import new_capsule, old_capsule, set_masses
from zoo.errors import ZooError

pytest.importorskip("mujoco")
MODELS = ["HalfCheetah-v4", "Hopper-v4", "Walker2d-v4", "Ant-v4", "Swimmer-v4", "Humanoid-v4"]
FIELDS = ("body_mass", "body_ipos", "dof_M0", "body_subtreemass", "dof_invweight0")


@pytest.fixture(params=MODELS)
def env(request: pytest.FixtureRequest) -> Any:
    with pytest.warns(DeprecationWarning, match="out of date"):
        made = gym.make(request.param).unwrapped
    yield made
    made.close()


def test_the_exact_formula_gives_what_the_compiler_gives(env: Any) -> None:
    before = {name: getattr(env.model, name).copy() for name in FIELDS}
    moments = np.sort(env.model.body_inertia, axis=1)
    set_masses(env.model, env.data, env.fullpath, capsule=new_capsule)
    for name, value in before.items():
        np.testing.assert_allclose(getattr(env.model, name), value, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(np.sort(env.model.body_inertia, axis=1), moments, rtol=1e-6)


def test_the_old_formula_is_that_of_a_longer_cylinder() -> None:
    radius, half = 0.05, 0.2
    volume, moments = old_capsule(np.array([radius, half, 0]))
    length = 2 * half + radius
    assert volume == pytest.approx(np.pi * radius**2 * length)
    across = (3 * radius**2 + length**2) / 12
    assert moments == pytest.approx([across, across, radius**2 / 2])


def test_the_cheetah_weighs_what_its_model_says_either_way() -> None:
    wrapped = make(EnvironmentConfig("HalfCheetah-v4", {}, (("old-capsule-masses", {}),)))
    plain = make(EnvironmentConfig("HalfCheetah-v4"))
    old, new = (env.unwrapped.model.body_mass.copy() for env in (wrapped, plain))  # type: ignore[attr-defined]
    assert old.sum() == pytest.approx(14) == pytest.approx(new.sum())
    assert np.abs(old - new).max() > 0.01
    wrapped.close()
    plain.close()


def test_other_environments_have_no_capsules() -> None:
    with pytest.raises(ZooError, match="is for Gymnasium's MuJoCo environments"):
        make(EnvironmentConfig("CartPole-v1", {}, (("old-capsule-masses", {}),)))
