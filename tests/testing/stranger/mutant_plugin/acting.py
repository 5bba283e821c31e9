"""Faults of agents."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from reference_plugin.actor_critic import LinearActorCritic

from mutant_plugin.base import mutant
from zoo import Agent
from zoo.agents.mlp import MLPAgent


class WithAgent(LinearActorCritic):
    """A learner whose agents are of another class, which no plugin registers."""

    agent_class: ClassVar[type[MLPAgent]]

    def agent(self) -> Agent:
        right: Any = super().agent()
        spaces_ = self.observation_space, self.action_space
        return self.agent_class(*spaces_, right.layers, right.head, right.preprocess)


class Int32(MLPAgent):
    def act(self, observations: Any, **how: Any) -> np.ndarray:
        return super().act(observations, **how).astype(np.int32)


@mutant("acts_in_space", "returns dtype int32, but the action space has int64")
class WrongDtype(WithAgent):
    agent_class = Int32


class Columns(MLPAgent):
    def act(self, observations: Any, **how: Any) -> np.ndarray:
        return super().act(observations, **how)[:, None]


@mutant("acts_in_space", "returns shape (5, 1) for 5 observations, not (5,)")
class WrongShape(WithAgent):
    agent_class = Columns


class Unclipped(MLPAgent):
    def act(self, observations: Any, **how: Any) -> np.ndarray:
        return super().act(observations, **how) * 3


@mutant("acts_in_space", "Clip or rescale to the bounds", actions=("box",))
class OutOfBounds(WithAgent):
    agent_class = Unclipped


class SaysItTakesMasks(MLPAgent):
    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.takes_action_masks = True

    def act(self, observations: Any, *, deterministic: bool = True, **how: Any) -> np.ndarray:
        return super().act(observations, deterministic=deterministic)


@mutant("acts_within_masks", "where the masks allow 0 only")
class IgnoresMasks(WithAgent):
    agent_class = SaysItTakesMasks


class BreaksTies(MLPAgent):
    def act(self, observations: Any, *, deterministic: bool = True, **how: Any) -> np.ndarray:
        return super().act(observations, deterministic=False, **how)


@mutant("deterministic_act", "differs from call to call")
class NeverDeterministic(WithAgent):
    agent_class = BreaksTies


class BatchNormalised(MLPAgent):
    def act(self, observations: Any, **how: Any) -> np.ndarray:
        return super().act(observations - observations.mean(axis=0), **how)


@mutant("deterministic_act", "depends on the rest of the batch", actions=("box",))
class DependsOnTheBatch(WithAgent):
    agent_class = BatchNormalised

    def __init__(self, *spaces_: Any, **kwargs: Any) -> None:
        super().__init__(*spaces_, **kwargs)
        self.weights["actor"] *= 30  # beyond the tolerance for rounding


class Live(MLPAgent):
    learner: LinearActorCritic

    def tensors(self) -> dict[str, np.ndarray]:
        return {"actor": self.learner.weights["actor"]}


@mutant("agent_is_detached", "an agent changes while training goes on: actor")
class SharesMemory(WithAgent):
    agent_class = Live

    def agent(self) -> Agent:
        agent: Any = super().agent()
        agent.learner = self
        return agent


@mutant("agent_is_detached", "goes another way when agent(), act and state() are called")
class SharesGenerator(LinearActorCritic):
    def agent(self) -> Agent:
        agent = super().agent()
        agent.rng = self.rng
        return agent


@mutant("bundle_round_trip", "of kind 'unheard-of', which no plugin registers")
class UnknownKind(WithAgent):
    agent_class = type("Unheard", (MLPAgent,), {"kind": "unheard-of"})


@mutant("bundle_round_trip", "acts differently (deterministic)", actions=("box",))
class LosesTheNormaliser(LinearActorCritic):
    def agent(self) -> Agent:
        agent: Any = super().agent()
        agent.preprocess = lambda observations: (observations + 5).astype(np.float32)
        agent.preprocess.describe = list
        agent.preprocess.tensors = dict
        return agent
