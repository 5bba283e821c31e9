"""Every environment of the plugin, by its id: Gymnasium's own checks, and its model's truth."""

from __future__ import annotations

import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from zoo import EnvironmentConfig, ZooError
from zoo.environments.ids import resolve
from zoo.environments.make import make, make_vector

GRIDS = ["zoo/GridWorld-v0", "zoo/WindyGridWorld-v0", "zoo/TicTacToe-v0"]
FINITE = [*GRIDS, "zoo/Garnet-v0", "zoo/RiverSwim-v0", "zoo/NChain-v0", "zoo/BernoulliBandit-v0"]
ALL = [*FINITE, "zoo/GaussianBandit-v0", "zoo/LinearBandit-v0"]


@pytest.mark.parametrize("env_id", ALL)
@pytest.mark.filterwarnings("error:.*")
@pytest.mark.filterwarnings("ignore:.*(render|different from the unwrapped version).*")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_gymnasium_finds_nothing_wrong(env_id: str) -> None:
    check_env(gym.make(resolve(env_id), disable_env_checker=True).unwrapped)


@pytest.mark.parametrize("env_id", FINITE)
def test_steps_are_drawn_from_the_model(env_id: str) -> None:
    """Every observed outcome is listed, and the frequencies are those of the model."""
    env = gym.make(resolve(env_id)).unwrapped
    model = env.transition_model
    actions = np.random.default_rng(0)
    observed: dict[tuple[int, int], dict[tuple[int, float, bool], int]] = {}
    state, _ = env.reset(seed=1)
    for _ in range(4000):
        action = int(actions.integers(model.n_actions))
        to, reward, terminated, _, _ = env.step(action)
        outcomes = observed.setdefault((state, action), {})
        outcomes[to, reward, terminated] = outcomes.get((to, reward, terminated), 0) + 1
        state = env.reset()[0] if terminated else to
    for (state, action), outcomes in observed.items():
        pair = state * model.n_actions + action
        rows = slice(model.offsets[pair], model.offsets[pair + 1])
        listed: dict[tuple[int, float, bool], float] = {}
        for *key, p in zip(model.next_states[rows].tolist(), model.rewards[rows].tolist(),
                           model.terminated[rows].tolist(), model.probabilities[rows].tolist(),
                           strict=True):  # fmt: skip
            listed[tuple(key)] = listed.get(tuple(key), 0.0) + p
        n = sum(outcomes.values())
        for key, count in outcomes.items():
            assert key in listed
            spread = np.sqrt(listed[key] * (1 - listed[key]) / n)
            assert abs(count / n - listed[key]) <= 5 * spread + 1e-9 + 3 / n


@pytest.mark.parametrize("env_id", FINITE)
def test_first_states_are_drawn_from_the_distribution(env_id: str) -> None:
    env = gym.make(resolve(env_id)).unwrapped
    initial = env.initial_state_distrib
    firsts = [env.reset(seed=1)[0], *[env.reset()[0] for _ in range(600)]]
    counts = np.bincount(firsts, minlength=len(initial))
    assert counts[initial == 0].sum() == 0
    spread = np.sqrt(601 * initial * (1 - initial))
    assert (np.abs(counts - 601 * initial) <= 5 * spread + 1e-9).all()


@pytest.mark.parametrize("env_id", GRIDS)
def test_grids_are_drawn(env_id: str) -> None:
    env = make(EnvironmentConfig(env_id), render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()
    assert before.ndim == 3
    assert before.dtype == np.uint8
    for action in (0, 1, 2, 3):
        env.step(action)
        if (env.render() != before).any():
            return
    pytest.fail("no picture shows a move")


@pytest.mark.parametrize("env_id", GRIDS)
def test_grids_open_a_window(env_id: str) -> None:
    env = make(EnvironmentConfig(env_id), render_mode="human")
    env.unwrapped.metadata = env.unwrapped.metadata | {"render_fps": 1000}
    env.reset(seed=0)
    env.step(1)
    assert env.unwrapped._window is not None
    env.close()
    assert env.unwrapped._window is None


@pytest.mark.parametrize("env_id", ["zoo/RiverSwim-v0", "zoo/Garnet-v0", "zoo/GridWorld-v0"])
def test_copies_share_one_model(env_id: str) -> None:
    env = make_vector(EnvironmentConfig(env_id), 3, seed=0)
    models = {id(copy.unwrapped.transition_model) for copy in env.envs}
    assert len(models) == 1
    env.close()


@pytest.mark.parametrize(
    ("env_id", "kwargs", "message"),
    [
        ("zoo/GridWorld-v0", {"rows": 0}, "rows must be a whole number of at least 1, not 0"),
        ("zoo/GridWorld-v0", {"rows": "4"}, "rows must be a whole number"),
        ("zoo/GridWorld-v0", {"rows": 1, "columns": 2}, "no cell between"),
        ("zoo/GridWorld-v0", {"rows": 1e7, "columns": 1e7}, "GiB"),
        ("zoo/WindyGridWorld-v0", {"stochastic": 1}, "stochastic must be true or false, not 1"),
        ("zoo/Garnet-v0", {"states": 2.5}, "states must be a whole number"),
        ("zoo/Garnet-v0", {"states": 3, "branching": 4}, "4 different successors"),
        ("zoo/Garnet-v0", {"states": 1e10}, "GiB"),
        ("zoo/Garnet-v0", {"seed": -1}, "seed must be a whole number of at least 0"),
        ("zoo/RiverSwim-v0", {"states": 2}, "states must be a whole number of at least 3"),
        ("zoo/NChain-v0", {"slip": 1.5}, "slip must be a number from 0 to 1, not 1.5"),
        ("zoo/NChain-v0", {"large": float("nan")}, "large must be a number, not nan"),
        ("zoo/TicTacToe-v0", {"opponent": "perfct"}, "Did you mean perfect?"),
        ("zoo/BernoulliBandit-v0", {"probabilities": [0.2, 1.2]}, "from 0 to 1, not 1.2"),
        ("zoo/BernoulliBandit-v0", {"probabilities": 0.5}, "must be a list of numbers"),
        ("zoo/BernoulliBandit-v0", {"probabilities": [0.5], "arms": 3}, "1 probabilities do not"),
        ("zoo/GaussianBandit-v0", {"deviation": -1}, "deviation must be a number of at least 0"),
        ("zoo/GaussianBandit-v0", {"means": []}, "must be a list of numbers"),
        ("zoo/LinearBandit-v0", {"arms": 1}, "arms must be a whole number of at least 2"),
        ("zoo/LinearBandit-v0", {"colour": 1}, "does not take these arguments"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(env_id: str, kwargs: dict, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        make(EnvironmentConfig(env_id, kwargs))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert env_id in str(caught.value)


@pytest.mark.parametrize("env_id", FINITE)
def test_an_action_that_does_not_exist_is_refused(env_id: str) -> None:
    env = make(EnvironmentConfig(env_id))
    env.reset(seed=0)
    with pytest.raises(ZooError, match="99"):
        env.step(99)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc says how much memory was taken")
def test_a_million_states_take_little_memory() -> None:
    """In a process of its own, whose peak memory is measured: that of `resource` would include
    what this process, which begins it, has taken."""
    code = """
from zoo_tabular.environments.garnet import Garnet
model = Garnet(states=1_000_000).transition_model
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")]
print(int(peak) / 2**20)
assert (model.n_states, model.n_actions, len(model.next_states)) == (10**6, 4, 2 * 10**7)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert float(answer.stdout) < 1.0  # GiB
