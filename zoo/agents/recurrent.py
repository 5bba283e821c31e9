"""The agent kind `recurrent`: a policy with a memory, then layers and a head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from zoo.agents.heads import Head
from zoo.agents.layered import MISFITS, LayeredAgent, misfit, restore_layers
from zoo.agents.layers import Layer
from zoo.agents.lstm import LSTM, step
from zoo.agents.reading import Reading


class RecurrentAgent(LayeredAgent):
    """Observations -> `reading` -> `lstm` -> `layers` -> `head` -> actions, in NumPy alone.

    The memory belongs to the rows of a batch: row i of one call goes on where row i of the last
    one ended, until `reset`. A batch of another size begins anew.

    Raises `ZooError` where the parts do not fit each other or the spaces.
    """

    kind: ClassVar[str] = "recurrent"

    def __init__(
        self,
        observation_space: Any,
        action_space: Any,
        reading: Reading,
        lstm: LSTM,
        *,
        layers: Sequence[Layer],
        head: Head,
    ) -> None:
        super().__init__(observation_space, action_space, layers, head)
        self.reading, self.lstm = reading, lstm
        self._input, self._hidden_weight, self._bias = lstm.compile()
        self._memory: tuple[np.ndarray, np.ndarray] | None = None
        self._try()
        self.reset()

    def reset(self, dones: np.ndarray | None = None) -> None:
        if dones is None or (self._memory is not None and len(dones) != len(self._memory[0])):
            self._memory = None
        elif self._memory is not None:
            over = np.asarray(dones, np.bool_)
            for part in self._memory:
                part[over] = 0

    def features(self, observations: Any) -> np.ndarray:
        """Return what is remembered (n, units), with these observations."""
        z = self.reading(observations).dot(self._input)
        z += self._bias
        if self._memory is None or len(self._memory[0]) != len(z):
            h, c = np.zeros((2, len(z), self.lstm.units), np.float32)
        else:
            h, c = self._memory
        z += h.dot(self._hidden_weight)
        self._memory = step(z, c)
        return self._memory[0]

    def describe(self) -> dict[str, Any]:
        return {**self.reading.describe(), **super().describe()}

    def tensors(self) -> dict[str, np.ndarray]:
        """Return those of the reading, `lstm.<parameter>`, and the layers' and the head's as those
        of an `mlp`."""
        return self.reading.tensors() | self.lstm.tensors("lstm.") | super().tensors()

    @classmethod
    def restore(
        cls,
        description: dict[str, Any],
        tensors: dict[str, np.ndarray],
        observation_space: Any,
        action_space: Any,
    ) -> RecurrentAgent:
        try:
            reading = Reading.restore(description, tensors, observation_space)
            lstm = LSTM(*(tensors[f"lstm.{part}"] for part in ("weight_ih", "weight_hh", "bias")))
            layers, head = restore_layers(description, tensors)
        except MISFITS as error:
            raise misfit(error) from error
        agent = cls(observation_space, action_space, reading, lstm, layers=layers, head=head)
        agent.check_used(tensors)
        return agent
