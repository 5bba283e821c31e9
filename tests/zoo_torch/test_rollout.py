"""What is collected, step by step, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from tests.zoo_torch.scripted import Scripted
from zoo import ZooError
from zoo.agents.preprocess import Preprocess, standard_steps
from zoo.testing.checks import CHECKS
from zoo.testing.subject import Subject
from zoo_torch.actor_critic import ActorCritic
from zoo_torch.configuration import Normalize
from zoo_torch.families import family_of
from zoo_torch.normalization import ObservationNormalizer
from zoo_torch.rollout import Collector, Senses, Shuffle


def collector(env: Any, *, n_steps: int = 4, normalize: bool = False) -> Collector:
    space = env.single_observation_space
    model = ActorCritic(
        2, family_of(env.single_action_space), policy_units=[4], value_units=[4],
        activation="tanh", orthogonal=True, log_std=0.0, rng=np.random.default_rng(0),
    )  # fmt: skip
    observations = ObservationNormalizer(Normalize(), space) if normalize else None
    senses = Senses(Preprocess(standard_steps(space)), observations, None)
    return Collector(env, model, senses, n_steps=n_steps, gamma=0.5)


def test_a_rollout_has_what_happened_in_order() -> None:
    env = Scripted()
    one = collector(env)
    rollout = one.collect(np.random.default_rng(0), 0)
    at = [[0, 0], [0, 1], [1, 0], [1, 1], [-2, 0], [2, 1], [3, 0], [-3, 1]]
    assert rollout.rows.tolist() == at
    assert rollout.actions.reshape(4, 2).tolist() == [a.tolist() for a in env.actions]
    assert rollout.dones.tolist() == [[False] * 2, [True, False], [False, True], [False] * 2]
    values = one.model.values
    assert rollout.values.ravel() == pytest.approx(values(rollout.rows.copy()))
    assert rollout.last_values == pytest.approx(values(np.array([[4, 0], [4, 1]], np.float32)))
    assert one.episodes == 2


def test_a_truncated_episode_is_worth_what_its_last_observation_promises() -> None:
    one = collector(Scripted())
    rollout = one.collect(np.random.default_rng(0), 0)
    promise = float(one.model.values(np.array([[7, 7]], np.float32))[0])
    assert abs(promise) > 0.01
    expected = [[10, 11], [20, 21], [30, 31 + 0.5 * promise], [40, 41]]
    assert rollout.rewards == pytest.approx(np.array(expected))


def test_the_next_rollout_goes_on_where_the_last_one_ended() -> None:
    one = collector(Scripted(), n_steps=2)
    rng = np.random.default_rng(0)
    one.collect(rng, 0)
    assert one.collect(rng, 4).rows.tolist() == [[-2, 0], [2, 1], [3, 0], [-3, 1]]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (
            ("observation", 2, np.nan),
            "nan in the observation of copy 1 of the environment at step 104",
        ),
        (("reward", 3, np.inf), "inf in the reward of copy 1 of the environment at step 106"),
        (("final_obs", 3, -np.inf), "-inf in the observation of copy 1 .* at step 106"),
    ],
)
@pytest.mark.parametrize("normalize", [False, True])
def test_what_is_not_finite_stops_and_names_the_step(bad, said: str, normalize: bool) -> None:
    with pytest.raises(ZooError, match=said):
        collector(Scripted(bad), normalize=normalize).collect(np.random.default_rng(0), 100)


def test_an_autoreset_that_wastes_a_step_is_refused() -> None:
    env = Scripted()
    env.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}
    with pytest.raises(ZooError, match="autoreset mode"):
        collector(env)


def test_an_epoch_has_every_sample_once_and_rows_stay_together() -> None:
    arrays = {"rows": np.arange(20.0).reshape(10, 2), "actions": np.arange(10)}
    shuffle, rng = Shuffle(arrays, 4), np.random.default_rng(0)
    orders = []
    for _ in range(2):
        seen = []
        for batch in shuffle.epoch(arrays, rng):
            assert (batch["rows"][:, 0] == 2 * batch["actions"]).all()
            seen.append(batch["actions"].copy())
        assert [len(one) for one in seen] == [4, 4, 2]
        orders.append(np.concatenate(seen).tolist())
        assert sorted(orders[-1]) == list(range(10))
    assert orders[0] != orders[1]


@pytest.mark.parametrize("size", [10, 16])
def test_a_minibatch_of_all_samples_is_not_shuffled(size: int) -> None:
    arrays = {"rows": np.arange(20.0).reshape(10, 2), "actions": np.arange(10)}
    (batch,) = Shuffle(arrays, size).epoch(arrays, np.random.default_rng(0))
    assert batch["actions"].tolist() == list(range(10))
    assert batch["rows"] is arrays["rows"]


@pytest.mark.parametrize("algorithm", ["ppo", "a2c"])
@pytest.mark.parametrize("check", ["exact_resume", "state_round_trip", "resume_with_fresh_episodes",
                                   "agent_is_detached", "bundle_round_trip"])  # fmt: skip
def test_the_rules_hold_with_running_normalisation(algorithm: str, check: str) -> None:
    changes = {"normalize": {"norm_obs": True}, "gamma": 0.9, "policy_kwargs.activation_fn": "elu"}
    subject = Subject(algorithm, changes)
    if check == "bundle_round_trip":  # which goes through observations that have no moments
        subject = Subject(algorithm, changes | {"normalize": {"norm_obs": False}})
    CHECKS[check].function(subject)
