"""The simulation of a known model is the environment: the same distribution, the same ends."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import zoo
from zoo.agents.table import StateIndex
from zoo.environments.make import vectorize
from zoo_tabular.world import REMEMBERED, VectorWorld, draw_start, first_above, simulate, step

TOY_TEXT = ["FrozenLake-v1", "Taxi-v4", "CliffWalking-v1"]


def frequencies(transitions):
    """Return how often each (state, action, next state, reward, terminated) occurred."""
    rows, counts = np.unique(np.array(transitions), axis=0, return_counts=True)
    return {tuple(row): int(count) for row, count in zip(rows.tolist(), counts, strict=True)}


def act_at_random(world, states, steps):
    """Return how often each (s, a, s', r, terminated) followed from some states."""
    rng, seen = np.random.default_rng(1), []
    n = len(world.states)
    for _ in range(steps):
        world.states[:] = states[(rng.random(n) * len(states)).astype(int)]
        world.actions[:] = (rng.random(n) * world.n_actions).astype(int)
        if isinstance(world, VectorWorld):
            for env, state in zip(world.env.envs, world.states.tolist(), strict=True):
                env.unwrapped.s = state
        step(world, rng)
        columns = (world.previous, world.actions, world.next_states, world.rewards,
                   world.terminated)  # fmt: skip
        seen += np.stack([np.array(column, float) for column in columns], axis=1).tolist()
    return frequencies(seen)


def worlds(env_id, n_envs=20, **kwargs):
    """Return the two worlds of one environment."""
    env = vectorize([lambda: gym.make(env_id, **kwargs)] * n_envs, seed=0)
    model = zoo.find_model(env)
    assert model is not None
    simulated = simulate(model, n_envs, np.random.default_rng(0))
    return simulated, VectorWorld(env, StateIndex(env.single_observation_space)), model


def distance(one, other):
    """Return the chi-square statistic of two samples of transitions over its degrees of freedom."""
    kinds = [kind for kind in one | other if one.get(kind, 0) + other.get(kind, 0) >= 20]
    n, m = sum(one.values()), sum(other.values())
    a = np.array([one.get(kind, 0) for kind in kinds]) / n
    b = np.array([other.get(kind, 0) for kind in kinds]) / m
    shared = (a * n + b * m) / (n + m)
    return float(((a - b) ** 2 / (shared * (1 / n + 1 / m))).sum() / len(kinds))


@pytest.mark.parametrize("env_id", TOY_TEXT)
def test_the_simulation_has_the_distribution_of_the_environment(env_id):
    simulated, real, model = worlds(env_id)
    states = np.random.default_rng(5).choice(model.n_states, 12, replace=False)
    one, other = (act_at_random(it, states, 700) for it in (simulated, real))
    assert len(one) > 40
    assert one.keys() == other.keys()
    assert distance(one, other) < 1.6  # the mean of chi-square over its degrees of freedom is 1


@pytest.mark.parametrize("env_id", TOY_TEXT)
def test_first_states_are_those_of_the_environment(env_id):
    simulated, real, model = worlds(env_id)
    rng = np.random.default_rng(4)
    drawn = np.bincount([draw_start(simulated, rng) for _ in range(9000)])
    possible = np.flatnonzero(model.initial)
    assert np.flatnonzero(drawn).tolist() == possible.tolist()
    expected = 9000 * model.initial[possible]
    assert ((drawn[possible] - expected) ** 2 / expected).sum() / len(possible) < 1.5
    assert set(real.states.tolist()) <= set(possible.tolist())


@pytest.mark.parametrize("env_id", TOY_TEXT)
def test_each_outcome_comes_as_often_as_the_model_says(env_id):
    simulated, _, model = worlds(env_id)
    state, action = 14 if env_id == "FrozenLake-v1" else 25, 1
    rng, draws = np.random.default_rng(2), 500
    seen: dict[int, int] = {}
    for _ in range(draws):
        simulated.states[:], simulated.actions[:], simulated.elapsed[:] = state, action, 0
        step(simulated, rng)
        for next_state in simulated.next_states.tolist():
            seen[next_state] = seen.get(next_state, 0) + 1
    rows = slice(*model.offsets[state * model.n_actions + action :][:2])
    expected: dict[int, float] = {}
    for next_state, probability in zip(
        model.next_states[rows].tolist(), model.probabilities[rows], strict=True
    ):
        expected[next_state] = expected.get(next_state, 0) + probability
    assert seen.keys() == expected.keys()
    total = draws * len(simulated.states)
    for next_state, probability in expected.items():
        slack = 5 * np.sqrt(probability * (1 - probability) / total)
        assert abs(seen[next_state] / total - probability) <= slack


def test_episodes_are_cut_at_the_time_limit_of_the_environment():
    simulated, real, model = worlds("FrozenLake-v1", max_episode_steps=7)
    assert model.time_limit == 7
    lengths = []
    for world in (simulated, real):
        rng, seen, elapsed = np.random.default_rng(3), [], np.zeros(len(world.states), int)
        for _ in range(700):
            world.actions[:] = (rng.random(len(world.states)) * 4).astype(int)
            step(world, rng)
            elapsed += 1
            assert (world.truncated == (elapsed == 7)).all()
            seen += elapsed[world.began].tolist()
            elapsed[world.began] = 0
        assert world.episodes[0] == len(seen)
        lengths.append(np.bincount(seen, minlength=8) / len(seen))
    assert lengths[0][7] > 0.1
    np.testing.assert_allclose(*lengths, atol=0.03)


def test_finished_episodes_are_remembered():
    simulated, _, _ = worlds("CliffWalking-v1", n_envs=1, max_episode_steps=5)
    rng = np.random.default_rng(0)
    for _ in range(5 * REMEMBERED + 3):
        simulated.actions[0] = 0  # up, which never ends an episode
        step(simulated, rng)
    assert simulated.episodes[0] == REMEMBERED
    assert set(simulated.last_returns) == {-5.0}
    assert set(simulated.last_lengths) == {5}
    assert simulated.elapsed[0] == 3
    assert simulated.returns[0] == -3.0


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.25, 0.5, 0.75, 0.999])
def test_the_inverse_distribution_is_that_of_gymnasium(threshold):
    cumulative = np.cumsum([0.0, 0.25, 0.25, 0.0, 0.5])
    assert first_above(cumulative, 0, 5, threshold) == np.argmax(cumulative > threshold)


def test_rounding_cannot_lead_past_the_last_outcome():
    assert first_above(np.array([0.5, 0.9999999]), 0, 2, 0.99999999) == 1


class Counting(gym.Env):
    """Observations 5, 6, 7: three steps to the end, which pays the action that was passed."""

    observation_space = spaces.Discrete(3, start=5)
    action_space = spaces.Discrete(2, start=-1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = 5
        return self.at, {}

    def step(self, action):
        self.at += 1
        over = self.at == 7
        return self.at, float(action), over, False, {}


def test_a_vector_environment_reads_like_a_simulation():
    env = vectorize([Counting] * 2, seed=0)
    world = VectorWorld(env, StateIndex(env.single_observation_space))
    rng = np.random.default_rng(0)
    assert world.states.tolist() == [0, 0]
    assert world.began.all()
    world.actions[:] = [0, 1]
    step(world, rng)
    assert world.rewards.tolist() == [-1.0, 0.0]  # Discrete(start=-1) counts from -1
    assert (world.states.tolist(), world.began.tolist()) == ([1, 1], [False, False])
    step(world, rng)
    assert world.previous.tolist() == [1, 1]
    assert world.next_states.tolist() == [2, 2]
    assert world.states.tolist() == [0, 0]
    assert world.began.all()
    assert world.terminated.all()
    assert world.episodes[0] == 2


def test_tuples_are_rows_of_a_table_also_at_the_end_of_an_episode():
    space = gym.make("Blackjack-v1").observation_space
    env = vectorize([lambda: gym.make("Blackjack-v1")] * 3, seed=0)
    world, rng = VectorWorld(env, StateIndex(space)), np.random.default_rng(0)
    for _ in range(50):
        world.actions[:] = 1  # draw until the sum is above 21
        step(world, rng)
        sums = world.next_states // 22
        assert (sums[world.terminated] > 21).all()
        assert (sums[~world.terminated] <= 21).all()
