"""Checks of what is learnt: on probes where right and wrong are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from zoo.agent import Agent
from zoo.testing.contexts import CONTEXTS, encode_batch
from zoo.testing.failure import require
from zoo.testing.probes import (
    START,
    TERMINATED,
    TRUNCATED,
    TRUNCATED_AT_PIT,
    BanditProbe,
    ChainProbe,
    Decision,
    DecisionProbe,
    bandit_levels,
    bandit_reward,
    chance_of_staying,
)
from zoo.testing.subject import Subject, Trial

SHARE = 0.6
"""How far from the best constant action to the best policy the learnt one has to get."""
LOOKS, SURE = 8, 3
"""How often the agent is looked at while it learns, and how often in a row it has to be right
for the training to be cut short."""


def learns(subject: Subject, actions: str) -> None:
    """Train on the bandit of an action kind and compare with random, constant and best."""
    observations = subject.observations
    chance, constant, best = bandit_levels(actions)
    threshold = constant + SHARE * (best - constant)

    def reward(agent: Agent) -> float:
        chosen = enumerate(_act(agent, observations, range(CONTEXTS)))
        return float(np.mean([bandit_reward(actions, context, one) for context, one in chosen]))

    with subject.trial(lambda: BanditProbe(observations, actions), seed=2, env_seed=2) as trial:
        reached = _learn(subject, trial, reward, lambda mean: mean >= threshold)
    require(
        reached >= threshold,
        f"after {trial.progress[-1].steps} steps the mean reward of the {actions} bandit is "
        f"{reached:.3f}, below {threshold:.3f} (random actions {chance:.3f}, one action for all "
        f"contexts {constant:.3f}, best {best:.3f})",
        "Look for a wrong sign or shape in the update; if it is only slow, give the recipe "
        "`probe` a larger learning rate or more n_timesteps",
    )


def _learn(
    subject: Subject,
    trial: Trial,
    measure: Callable[[Agent], float],
    is_right: Callable[[float], bool],
) -> float:
    """Train to the end, or until the agent has been right several times in a row; return what
    `measure` says of it then.
    """
    steps, right = subject.learning_steps, 0
    look = steps / LOOKS
    for progress in trial.run(steps):
        if progress.steps >= look:
            look += steps / LOOKS
            right = right + 1 if is_right(measure(trial.algorithm.agent())) else 0
            if right == SURE:
                break
    return measure(trial.algorithm.agent())


def learns_box_actions(subject: Subject) -> None:
    """Box actions: the reward is -(a - f(observation))^2."""
    learns(subject, "box")


def learns_discrete_actions(subject: Subject) -> None:
    """Discrete actions: one of three is right, which one depends on the observation."""
    learns(subject, "discrete")


def learns_multi_discrete_actions(subject: Subject) -> None:
    """MultiDiscrete actions: two choices at once, each right or wrong by the observation."""
    learns(subject, "multi-discrete")


def learns_multi_binary_actions(subject: Subject) -> None:
    """MultiBinary actions: three bits at once, each right or wrong by the observation."""
    learns(subject, "multi-binary")


def learns_known_model(subject: Subject) -> None:
    """Planning: the best action of a chain with known transitions is found in every state."""
    with subject.trial(ChainProbe) as trial:
        agent = trial.finish(subject.learning_steps)
    states = np.arange(ChainProbe.STATES - 1)  # the last one is terminal
    chosen = agent.act(states, deterministic=True)
    require(
        np.all(chosen == ChainProbe.BEST),
        f"the policy of the chain is {chosen.tolist()}, not {ChainProbe.BEST} everywhere",
        "Check the backup: sum over P[s][a] of p * (r + gamma * V(s') * (not terminated))",
    )


def bootstraps_at_truncation(subject: Subject) -> None:
    """A truncated episode is worth what its last state is worth: who bootstraps there, and not
    where an episode terminates, stays for 0.6, since leaving pays 1 only once.
    """
    chance = _decide(subject, TRUNCATED, stays=True)
    require(
        chance > 0.5,
        "the agent leaves for 1.0 and does not stay for 0.6, though leaving terminates and "
        f"staying is only truncated (chance of staying {chance:.2f})",
        "Bootstrap where an episode is truncated, and not where it terminates: "
        "target = r + gamma * V(final_obs) * (1 - terminated), not (1 - done)",
    )


def stops_at_termination(subject: Subject) -> None:
    """Nothing comes after termination: leaving for 1.0 is better than staying for 0.6, whatever
    the last observation would promise.
    """
    chance = _decide(subject, TERMINATED, stays=False)
    require(
        chance < 0.5,
        "the agent stays for 0.6, though leaving pays 1.0 and both terminate (chance of staying "
        f"{chance:.2f})",
        "Do not bootstrap where an episode terminates: target = r + gamma * V * (1 - terminated)",
    )


def bootstraps_from_final_observation(subject: Subject) -> None:
    """The value at truncation is that of the episode's own last observation, which stands in
    info["final_obs"], not that of the next episode's first.
    """
    chance = _decide(subject, TRUNCATED_AT_PIT, stays=False)
    require(
        chance < 0.5,
        "the agent stays for 1.5, though the episode is then truncated before a loss of 2 "
        f"(chance of staying {chance:.2f})",
        "With SAME_STEP autoreset, bootstrap from info['final_obs'] where an episode was "
        "truncated; the observation that step returns belongs to the next episode",
    )


def _decide(subject: Subject, decision: Decision, *, stays: bool) -> float:
    """Train on a decision and return the chance with which the agent stays; `stays` is right."""
    observations, actions = subject.observations, subject.actions

    def chance(agent: Agent) -> float:
        return chance_of_staying(actions, _act(agent, observations, [START])[0])

    with subject.trial(
        lambda: DecisionProbe(observations, actions, decision), seed=2, env_seed=2
    ) as trial:
        return _learn(subject, trial, chance, lambda value: (value > 0.5) is stays)


def _act(agent: Agent, observations: str, contexts: Iterable[int]) -> np.ndarray:
    agent.reset()
    return agent.act(encode_batch(observations, contexts), deterministic=True)
