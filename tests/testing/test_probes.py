"""The probes are what their documentation says, so that a verdict means something."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from zoo.environments.make import vectorize
from zoo.environments.model import find_model
from zoo.testing.contexts import CONTEXTS, encode, encode_batch, observation_space
from zoo.testing.probes import (
    PEAK,
    PIT,
    START,
    TERMINATED,
    TRUNCATED,
    TRUNCATED_AT_PIT,
    BanditProbe,
    ChainProbe,
    DecisionProbe,
    bandit_actions,
    bandit_levels,
    bandit_reward,
    chance_of_staying,
    decision_actions,
)

OBSERVATIONS = ("box", "image", "discrete", "multi-discrete", "multi-binary", "dict", "tuple")
ACTIONS = ("box", "discrete", "multi-discrete", "multi-binary")
STAY: dict[str, Any] = {kind: [1, 1] for kind in ACTIONS} | {"box": [1.0], "discrete": 1}
LEAVE: dict[str, Any] = {kind: [0, 0] for kind in ACTIONS} | {"box": [-1.0], "discrete": 0}


@pytest.mark.parametrize("kind", OBSERVATIONS)
def test_contexts_are_different_members_of_their_space(kind: str) -> None:
    rows = [encode(kind, context) for context in range(CONTEXTS)]
    assert all(row in observation_space(kind) for row in rows)
    assert len({repr(row if kind != "image" else row.tobytes()) for row in rows}) == CONTEXTS


@pytest.mark.parametrize("kind", OBSERVATIONS)
def test_a_batch_is_what_a_vector_environment_returns(kind: str) -> None:
    env = vectorize([lambda: BanditProbe(kind, "discrete")] * 4, seed=0)
    observed, _ = env.reset()
    expected = encode_batch(kind, [copy.unwrapped.context for copy in env.envs])
    if kind == "tuple":
        observed, expected = dict(enumerate(observed)), dict(enumerate(expected))
    elif kind != "dict":
        observed, expected = {"": observed}, {"": expected}
    assert observed.keys() == expected.keys()
    for key, array in expected.items():
        assert observed[key].dtype == array.dtype
        np.testing.assert_array_equal(observed[key], array)


@pytest.mark.filterwarnings("ignore:.*we recommend using a symmetric")
@pytest.mark.parametrize("actions", ACTIONS)
def test_probes_are_gymnasium_environments(actions: str) -> None:
    check_env(BanditProbe("box", actions, horizon=5), skip_render_check=True)
    check_env(DecisionProbe("discrete", actions, TERMINATED), skip_render_check=True)


@pytest.mark.parametrize("kind", ACTIONS)
def test_levels_of_the_bandit_are_what_policies_get(kind: str) -> None:
    chance, constant, best = bandit_levels(kind)
    space = bandit_actions(kind)
    space.seed(0)
    grid = [space.sample() for _ in range(4000)]
    rewards = np.array([[bandit_reward(kind, c, a) for c in range(CONTEXTS)] for a in grid])
    assert rewards.mean() == pytest.approx(chance, abs=0.02)
    assert rewards.mean(axis=1).max() == pytest.approx(constant, abs=0.01)
    assert rewards.max(axis=0).mean() == pytest.approx(best, abs=0.01)
    assert constant < best


def test_the_bandit_ends_in_both_ways_at_various_lengths() -> None:
    env, ends, lengths = BanditProbe("box", "discrete", horizon=7), set(), set()
    env.reset(seed=0)
    length = 0
    for _ in range(500):
        _, _, terminated, truncated, _ = env.step(0)
        length += 1
        if terminated or truncated:
            assert not (terminated and truncated)
            ends.add((terminated, truncated))
            lengths.add(length)
            length = 0
            env.reset()
    assert ends == {(True, False), (False, True)}
    assert lengths == set(range(1, 8))


def test_probes_count_what_happens() -> None:
    env = BanditProbe("box", "discrete")
    for _ in range(3):
        env.reset(seed=0)
        env.step(0)
    assert (env.steps_taken, env.episodes_ended) == (3, 3)


@pytest.mark.parametrize(
    ("kind", "choices"), [("discrete", 3), ("multi-discrete", 5), ("multi-binary", 6), ("box", 0)]
)
def test_masks_allow_every_choice(kind: str, choices: int) -> None:
    assert BanditProbe("box", kind).action_masks().tolist() == [True] * choices


@pytest.mark.parametrize("kind", ACTIONS)
def test_what_staying_and_leaving_means(kind: str) -> None:
    assert chance_of_staying(kind, STAY[kind]) == 1
    assert chance_of_staying(kind, LEAVE[kind]) == 0
    for action in (STAY[kind], LEAVE[kind]):
        assert np.asarray(action, decision_actions(kind).dtype) in decision_actions(kind)


@pytest.mark.parametrize(
    ("decision", "action", "outcome"),
    [
        (TRUNCATED, 1, (0.6, False, True, START)),
        (TRUNCATED, 0, (1.0, True, False, START)),
        (TERMINATED, 1, (0.6, True, False, PEAK)),
        (TERMINATED, 0, (1.0, True, False, PIT)),
        (TRUNCATED_AT_PIT, 1, (1.5, False, True, PIT)),
        (TRUNCATED_AT_PIT, 0, (1.0, True, False, START)),
    ],
)
def test_outcomes_of_a_decision(decision: Any, action: int, outcome: tuple[Any, ...]) -> None:
    env = DecisionProbe("discrete", "discrete", decision)
    env.reset(seed=0)
    env.context = START
    observation, reward, terminated, truncated, _ = env.step(action)
    assert (reward, terminated, truncated, observation) == outcome


def test_episodes_begin_elsewhere_where_the_value_matters() -> None:
    def starts(decision: Any) -> list[float]:
        env = DecisionProbe("discrete", "discrete", decision)
        env.reset(seed=0)
        contexts = [env.reset()[0] for _ in range(2000)]
        return [contexts.count(context) / 2000 for context in range(CONTEXTS)]

    assert starts(TRUNCATED) == [1, 0, 0]
    assert starts(TERMINATED) == pytest.approx([0.5, 0.25, 0.25], abs=0.03)
    assert starts(TRUNCATED_AT_PIT) == pytest.approx([0.75, 0.25, 0], abs=0.03)


def fixed_point(
    decision: Any, *, at_truncation: bool, at_termination: bool, final: bool, gamma: float = 0.99
) -> str:
    """Solve a decision as a learner of one kind sees it, and return what it prefers."""
    v = np.zeros(CONTEXTS)
    starts = {START: 1.0}
    for landmark in {decision.stay.ends_at, decision.leave.ends_at} - {START}:
        starts[landmark] = 0.25
        starts[START] -= 0.25

    def value(option: Any) -> float:
        bootstraps = at_termination if option.terminates else at_truncation
        mean = sum(share * v[context] for context, share in starts.items())
        return option.pays + gamma * bootstraps * (v[option.ends_at] if final else mean)

    for _ in range(3000):
        options = value(decision.stay), value(decision.leave)
        own = [v[PIT], v[PEAK]] if final else [sum(s * v[c] for c, s in starts.items())] * 2
        v = np.array([max(options), -2 + gamma * at_termination * own[0],
                      2 + gamma * at_termination * own[1]])  # fmt: skip
    return "stay" if options[0] > options[1] else "leave"


def test_right_learners_decide_right_and_each_fault_shows_in_one_decision() -> None:
    right = {"at_truncation": True, "at_termination": False, "final": True}
    best = {TRUNCATED: "stay", TERMINATED: "leave", TRUNCATED_AT_PIT: "leave"}
    assert {decision: fixed_point(decision, **right) for decision in best} == best

    no_bootstrap = right | {"at_truncation": False}
    assert fixed_point(TRUNCATED, **no_bootstrap) == "leave"
    assert fixed_point(TRUNCATED_AT_PIT, **no_bootstrap) == "stay"
    assert fixed_point(TERMINATED, **(right | {"at_termination": True})) == "stay"
    assert fixed_point(TRUNCATED_AT_PIT, **(right | {"final": False})) == "stay"


def test_the_chain_does_what_its_model_says() -> None:
    env = ChainProbe()
    model = find_model(env)
    assert model is not None
    assert (model.n_states, model.initial.tolist()) == (5, [1, 0, 0, 0, 0])
    assert model.probabilities[model.offsets[3] :][:2].tolist() == [0.8, 0.2]
    for rows in (rows for actions in env.P.values() for rows in actions.values()):
        assert sum(row[0] for row in rows) == pytest.approx(1)
    env.reset(seed=0)
    seen = set()
    for _ in range(500):
        before = env.context
        after, reward, terminated, _, _ = env.step(1)
        seen.add((before, after))
        assert (after, reward, terminated) in [row[1:] for row in env.P[before][1]]
        if terminated:
            env.reset()
    assert {(state, state + 1) for state in range(4)} < seen
    gamma, v = 0.9, np.zeros(5)
    for _ in range(500):
        q = np.array([[sum(p * (r + gamma * v[s] * (not t)) for p, s, r, t in env.P[state][action])
                       for action in (0, 1)] for state in range(5)])  # fmt: skip
        v = q.max(axis=1)
    assert q[:4].argmax(axis=1).tolist() == [ChainProbe.BEST] * 4
