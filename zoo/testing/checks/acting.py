"""Checks of the agent: what it answers, and that it stands on its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space, spaces

from zoo.agent import Agent
from zoo.testing.contexts import CONTEXTS, encode, encode_batch
from zoo.testing.failure import NotApplicable, require
from zoo.testing.probes import BanditProbe
from zoo.testing.randomness import seeded_globally
from zoo.testing.subject import Subject, Trial, copies, difference, same

ROWS = np.array([0, 1, 2, 0, 1])
"""Contexts of a batch, some of them twice."""


def acts_in_space(subject: Subject) -> None:
    """For every declared pair of spaces, `act` and `predict` answer in the action space's shape
    and dtype with members of it, before training and after some.
    """
    some = set(subject.pairs(all_of_them=False))
    for pair in subject.pairs(all_of_them=True):
        with subject.trial(_probe(subject, pair)) as trial:
            _check_answers(trial.algorithm.agent(), pair, "before training")
            if pair in some:
                # Updates on images are slow, and what they do to an agent the other pairs show.
                until = 1 if pair[0] == "image" else subject.short_steps // 2
                for _ in trial.run(subject.learning_steps, until=until):
                    pass
                _check_answers(trial.algorithm.agent(), pair, "after some training")


def _probe(subject: Subject, pair: tuple[str, str]) -> Any:
    return subject.default_probe if subject.plans else lambda: BanditProbe(*pair, horizon=7)


def _check_answers(agent: Agent, pair: tuple[str, str], when: str) -> None:
    case = f"{pair[0]} observations and {pair[1]} actions, {when}"
    space = agent.action_space
    for rows in (ROWS, ROWS[:1]):
        for deterministic in (True, False):
            agent.reset()
            actions = agent.act(encode_batch(pair[0], rows), deterministic=deterministic)
            how = f"act(deterministic={deterministic}) with {case}"
            _check_members(actions, space, len(rows), how)
    agent.reset()
    action, _ = agent.predict(encode(pair[0], 1), deterministic=True)
    require(
        np.shape(action) == (space.shape or ()),
        f"predict returns shape {np.shape(action)} for one observation with {case}, "
        f"not {space.shape}",
        "Leave predict to zoo.Agent",
    )


def _check_members(actions: Any, space: Space[Any], rows: int, how: str) -> None:
    require(isinstance(actions, np.ndarray), f"{how} returns {type(actions).__name__}, no array")
    expected = (rows, *(space.shape or ()))
    require(
        actions.shape == expected,
        f"{how} returns shape {actions.shape} for {rows} observations, not {expected}",
        "Return one action per row: shapes in are shapes out",
    )
    require(
        actions.dtype == space.dtype,
        f"{how} returns dtype {actions.dtype}, but the action space has {space.dtype}",
        "End act with .astype(self.action_space.dtype)",
    )
    for action in actions:
        require(
            space.contains(action),
            f"{how} returns {action!r}, which is not in {space}",
            "Clip or rescale to the bounds of the space",
        )


def acts_within_masks(subject: Subject) -> None:
    """An agent that takes action masks never chooses what they forbid."""
    kinds = [kind for kind in ("discrete", "multi-discrete") if kind in subject.spec.actions]
    agents = []
    for kind in kinds:
        with subject.trial(_probe(subject, (subject.observations, kind))) as trial:
            agents.append(trial.algorithm.agent())
    masked = [agent for agent in agents if agent.takes_action_masks]
    if not masked:
        raise NotApplicable(f"agents of {subject.name} take no action masks")
    for agent in masked:
        _check_masks(agent, encode_batch(subject.observations, ROWS))


def _check_masks(agent: Agent, observations: Any) -> None:
    """Allow only the first choice of each component, then only the second."""
    space: Any = agent.action_space
    sizes = space.nvec if isinstance(space, spaces.MultiDiscrete) else np.array([space.n])
    for choice in (0, 1):
        mask = np.concatenate([np.arange(size) == choice for size in sizes])
        masks = np.repeat(mask[None], len(ROWS), axis=0)
        for deterministic in (True, False):
            agent.reset()
            actions = agent.act(observations, deterministic=deterministic, action_masks=masks)
            require(
                np.all(actions == choice),
                f"act(deterministic={deterministic}) chooses {actions.tolist()} where the masks "
                f"allow {choice} only",
                "Give forbidden actions probability 0, also when sampling",
            )


def deterministic_act(subject: Subject) -> None:
    """The deterministic action is a function of the observation: not of chance, of the row or
    of who else is in the batch.
    """
    for pair in subject.pairs(all_of_them=False):
        with subject.trial(_probe(subject, pair)) as trial:
            _check_function(trial.algorithm.agent(), pair)
            if pair == (subject.observations, subject.actions):
                for _ in trial.run(subject.short_steps, until=subject.short_steps // 2):
                    pass
                _check_function(trial.algorithm.agent(), pair)


def _check_function(agent: Agent, pair: tuple[str, str]) -> None:
    case = f"with {pair[0]} observations and {pair[1]} actions"

    def act(rows: Any, seed: int) -> np.ndarray:
        agent.seed(seed)
        agent.reset()
        with seeded_globally(seed):
            return agent.act(encode_batch(pair[0], rows), deterministic=True)

    first = act(ROWS, 1)
    hint = "With deterministic=True use the mode: argmax, or the mean; break ties by index"
    require(
        np.array_equal(first, act(ROWS, 2)),
        f"act(deterministic=True) differs from call to call {case}",
        hint,
    )
    backwards = act(ROWS[::-1], 1)[::-1]
    require(
        _close(first, backwards),
        f"act(deterministic=True) depends on the order of the rows {case}",
        hint,
    )
    alone = np.concatenate([act(ROWS[i : i + 1], 1) for i in range(CONTEXTS)])
    require(
        _close(first[:CONTEXTS], alone),
        f"act(deterministic=True) of a row depends on the rest of the batch {case}",
        "Normalise with the agent's own statistics, not with the batch's",
    )


def _close(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal up to the rounding of matrix products of different sizes."""
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=1e-4, atol=1e-5))


def agent_is_detached(subject: Subject) -> None:
    """An agent stays as it is while training goes on, and using it does not disturb training."""
    with subject.trial() as trial:
        for _ in trial.run(subject.short_steps, until=subject.short_steps // 2):
            pass
        agent = trial.algorithm.agent()
        before, actions = copies(agent), _act(subject, agent)
        for _ in trial.go_on():
            _use(subject, trial)
        changed = not same(before, copies(agent))
        require(
            not changed and np.array_equal(actions, _act(subject, agent)),
            f"an agent changes while training goes on: {difference(before, copies(agent))}"
            if changed
            else "an agent acts differently after further training, with the same tensors",
            "Return copies from agent(): .copy(), .detach().cpu().numpy().copy(), deepcopy",
        )
        after = copies(trial.algorithm.agent())
    require(
        same(after, subject.straight.after),
        "training goes another way when agent(), act and state() are called between two "
        f"Progress: {difference(after, subject.straight.after)}",
        "Let the agent draw from its own generator, and state() change nothing",
    )


def _use(subject: Subject, trial: Trial) -> None:
    """Do what a host does between two Progress."""
    agent = trial.algorithm.agent()
    agent.reset()
    agent.act(encode_batch(subject.observations, ROWS), deterministic=False)
    trial.algorithm.state()


def _act(subject: Subject, agent: Agent) -> np.ndarray:
    agent.reset()
    return agent.act(encode_batch(subject.observations, ROWS), deterministic=True)
