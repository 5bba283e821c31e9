"""The second of the zoo's two interfaces: what training leaves behind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from gymnasium import Space


class Agent(ABC):
    """A policy that acts. It needs no environment, no optimiser and no training library
    beyond what its kind names, and it holds its own observation normaliser.

    `kind` is the name under which `AgentSpec` registers the class; `origin` is the `Bundle`
    that the agent was loaded from, None when it came straight from an algorithm.
    """

    kind: ClassVar[str]
    takes_action_masks: ClassVar[bool] = False
    """Whether `act` uses `action_masks`; evaluation passes them where the environment has them."""

    observation_space: Space[Any]
    action_space: Space[Any]
    origin: Any = None

    def __init__(self, observation_space: Space[Any], action_space: Space[Any]) -> None:
        self.observation_space = observation_space
        self.action_space = action_space
        self.seed(0)

    def seed(self, seed: int) -> None:
        """Start the stream of random numbers that stochastic acting draws from."""
        import numpy as np

        self.rng = np.random.default_rng(seed)

    @abstractmethod
    def act(
        self,
        observations: Any,
        *,
        deterministic: bool = True,
        action_masks: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return actions for a batch of raw observations.

        `observations` has shape (n, *observation_space.shape), or is a dict of such arrays for
        a Dict space; the answer has shape (n, *action_space.shape), the action space's dtype,
        and every row is a member of the action space. `action_masks` is a bool array of shape
        (n, number of actions), used only by kinds with `takes_action_masks`.
        """

    def reset(self, dones: np.ndarray | None = None) -> None:
        """Forget the memory of the rows where `dones` (n,) is True; of all rows when None."""

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Stable-Baselines3's `PolicyPredictor` protocol: one observation or a batch of them.

        The memory of a recurrent agent lives in the agent, so `state` is passed through;
        `episode_start` (n,) resets the rows where it is True.
        """
        if episode_start is not None:
            self.reset(episode_start)
        batch, single = self._as_batch(observation)
        actions = self.act(batch, deterministic=deterministic)
        return (actions[0] if single else actions), state

    def _as_batch(self, observation: Any) -> tuple[Any, bool]:
        """Return `observation` with a batch axis, and whether it had to be added."""
        import numpy as np

        if isinstance(observation, dict):
            spaces = getattr(self.observation_space, "spaces", {})
            arrays = {key: np.asarray(value) for key, value in observation.items()}
            single = all(arrays[key].shape == tuple(spaces[key].shape or ()) for key in spaces)
            return ({k: v[None] for k, v in arrays.items()} if single else arrays), single
        array = np.asarray(observation)
        single = array.shape == tuple(self.observation_space.shape or ())
        return (array[None] if single else array), single

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return the agent without its numbers, as JSON: all that `restore` needs besides them."""

    @abstractmethod
    def tensors(self) -> dict[str, np.ndarray]:
        """Return the agent's numbers by name, as they are written to `weights.safetensors`."""

    @classmethod
    @abstractmethod
    def restore(
        cls,
        description: dict[str, Any],
        tensors: dict[str, np.ndarray],
        observation_space: Space[Any],
        action_space: Space[Any],
    ) -> Agent:
        """Rebuild the agent from data; raise `ZooError` where they do not fit one another."""
