"""Memory in front of policy and value function: sequences in place of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from zoo_torch import flat, lstm
from zoo_torch.actor_critic import ActorCritic
from zoo_torch.encoders import Encoder
from zoo_torch.lstm import LSTM
from zoo_torch.rollout import Collector, Senses


class Sequences(NamedTuple):
    """Steps that follow one another, which a `RecurrentEncoder` takes in place of rows."""

    rows: np.ndarray
    """(L, m, *row)"""
    memory: np.ndarray
    """(m, width): what is remembered before the first step"""
    starts: np.ndarray | None = None
    """(L, m) bool: steps before which all is forgotten; None: none"""
    real: np.ndarray | None = None
    """(L, m) bool: steps that are not there to fill up; None: all are"""


class RecurrentEncoder:
    """An LSTM for the policy, and one for the value function or what else that reads, behind an
    encoder of images if there is one.

    It is an `Encoder`, less `pull` and `push`, whose rows are `Sequences`, and whose features are
    in the order of steps, then of sequences: the policy's (units,), then the value function's.
    """

    def __init__(
        self,
        inner: Encoder | None,
        inputs: int,
        units: int,
        *,
        critic: str,
        rng: np.random.Generator,
        orthogonal: bool,
    ) -> None:
        """`inputs` are those of the LSTMs. The value function's features are `own`: an LSTM's of
        its own, `shared`: the policy's, or `none`: the inputs, without a memory."""
        self.inner, self.inputs, self.units, self.critic = inner, inputs, units, critic
        names = ["policy", "value"] if critic == "own" else ["policy"]
        self._shapes = {"inner": (inner.size if inner else 0,)} | {
            f"{name}.{part}": shape
            for name in names
            for part, shape in lstm.shapes(inputs, units).items()
        }
        self._names = names
        self.size = flat.size(self._shapes)
        self.value_outputs = inputs if critic == "none" else units
        self.outputs = units + (0 if critic == "shared" else self.value_outputs)
        self.width = 2 * units * len(names)
        """Numbers in the memory of a sequence."""
        self.memory = np.zeros((0, self.width), np.float32)
        """What is remembered after the last pass (m, width)."""
        self._rng, self._orthogonal = rng, orthogonal

    def bind(self, parameters: np.ndarray, gradient: np.ndarray) -> None:
        """Compute with `parameters` from now on, whose first values are drawn."""
        views, slopes = flat.views(parameters, self._shapes), flat.views(gradient, self._shapes)
        if self.inner is not None:
            self.inner.bind(views["inner"], slopes["inner"])
        self.lstms = []
        for name in self._names:
            own, by = (
                {k.partition(".")[2]: v for k, v in of.items() if k.startswith(f"{name}.")}
                for of in (views, slopes)
            )
            self.lstms.append(LSTM(own, by))
            self.lstms[-1].draw(self._rng, self._orthogonal)

    def forward(self, sequences: Sequences) -> np.ndarray:
        """Return the features (steps that are real, outputs), and keep what `backward` needs."""
        return self._features(sequences, keep=True)

    def infer(self, sequences: Sequences) -> np.ndarray:
        """Return the same, and keep nothing but `memory`."""
        return self._features(sequences, keep=False)

    def backward(self, by_features: np.ndarray) -> None:
        """Write the gradient of a scalar, given its gradient by the features of `forward`."""
        L, m = self._shape
        by = by_features
        if self._real is not None:
            by = np.zeros((L * m, self.outputs), np.float32)
            by[self._real] = by_features
        encodes = self.inner is not None
        by_inputs: list[Any] = []
        for number, one in enumerate(self.lstms):
            own = by[:, number * self.units : (number + 1) * self.units]
            by_inputs.append(one.backward(own.reshape(L, m, self.units), by_input=encodes))
        if self.inner is None:
            return
        total = sum(one.reshape(L * m, self.inputs) for one in by_inputs)
        if self.critic == "none":
            total = total + by[:, self.units :]
        self.inner.backward(total)

    def _features(self, sequences: Sequences, *, keep: bool) -> np.ndarray:
        L, m = sequences.rows.shape[:2]
        x = sequences.rows.reshape(L * m, *sequences.rows.shape[2:])
        if self.inner is not None:
            x = self.inner.forward(x) if keep else self.inner.infer(x)
        inputs, width = x.reshape(L, m, self.inputs), 2 * self.units
        parts = []
        for number, one in enumerate(self.lstms):
            memory = sequences.memory[:, number * width : (number + 1) * width]
            h = one.forward(inputs, memory, sequences.starts, keep=keep)
            parts.append(h.reshape(L * m, self.units))
        self.memory = np.concatenate([one.memory for one in self.lstms], axis=1)
        if self.critic == "none":
            parts.append(x)
        features = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        real = None if sequences.real is None else sequences.real.ravel()
        if keep:
            self._shape, self._real = (L, m), real
        return features if real is None else features[real]


class RecurrentCollector(Collector):
    """A collector whose policy remembers the episodes of the copies."""

    def __init__(
        self,
        env: Any,
        model: ActorCritic,
        senses: Senses,
        memory: np.ndarray,
        *,
        n_steps: int,
        gamma: float,
        every: int,
    ) -> None:
        """`memory` (n, width) is what is remembered, and changes with every step; it is kept for
        `memories` at each step whose number is a multiple of `every`."""
        super().__init__(env, model, senses, n_steps=n_steps, gamma=gamma)
        self.memory, self.every = memory, every
        memory[~self.resumed] = 0
        self.memories = np.zeros((-(-n_steps // every), *memory.shape), np.float32)
        """(pieces of a rollout, n, width): what was remembered before each."""
        self._at_ends: dict[tuple[int, int], np.ndarray] = {}

    def _seen(self, t: int) -> Any:
        if t % self.every == 0 and t < self.n_steps:
            self.memories[t // self.every] = self.memory
        return Sequences(self._row[None], self.memory)

    def _stepped(self, t: int, dones: np.ndarray) -> None:
        assert isinstance(self.model.encoder, RecurrentEncoder)
        self.memory[:] = self.model.encoder.memory
        if t == 0:
            self._at_ends.clear()
        for i in np.flatnonzero(dones).tolist():
            self._at_ends[t, i] = self.memory[i].copy()
        self.memory[dones] = 0

    def _value_at_end(self, t: int, i: int, row: np.ndarray) -> np.ndarray:
        seen: Any = Sequences(row[None], self._at_ends[t, i][None])
        return self.model.values(seen)


def pieces(
    arrays: Mapping[str, np.ndarray], dones: np.ndarray, length: int
) -> dict[str, np.ndarray]:
    """Return a rollout's arrays (T * n, ...) cut into sequences of `length`, (length, S, ...), of
    which there are n for each piece of the T steps, and `starts` and `real` (see `Sequences`).

    `dones` (T, n) are the steps that ended an episode. The last piece is filled up by noughts.
    """
    T, n = dones.shape
    parts = -(-T // length)
    starts = np.concatenate([np.zeros((1, n), np.bool_), dones[:-1]])

    def cut(array: np.ndarray) -> np.ndarray:
        array = array.reshape(T, n, *array.shape[1:])
        if parts * length > T:
            filling = np.zeros((parts * length - T, *array.shape[1:]), array.dtype)
            array = np.concatenate([array, filling])
        array = array.reshape(parts, length, *array.shape[1:]).swapaxes(0, 1)
        return array.reshape(length, parts * n, *array.shape[3:])

    made = {name: cut(array) for name, array in arrays.items()}
    made["starts"] = cut(starts.ravel())
    made["real"] = cut(np.ones(T * n, np.bool_))
    return made


def minibatches(
    arrays: Mapping[str, np.ndarray], memories: np.ndarray, at_once: int, rng: np.random.Generator
) -> Iterator[tuple[Sequences, dict[str, np.ndarray]]]:
    """Yield every sequence of `pieces` once, `at_once` of them together: as `Sequences`, and the
    other arrays of their real steps (steps, ...), in the order of the features.

    `memories` (S, width) is what was remembered before each.
    """
    order = rng.permutation(len(memories))
    for start in range(0, len(order), at_once):
        chosen = order[start : start + at_once]
        part = {name: array[:, chosen] for name, array in arrays.items()}
        yield sequences_of(part, memories[chosen])


def sequences_of(
    arrays: Mapping[str, np.ndarray], memories: np.ndarray
) -> tuple[Sequences, dict[str, np.ndarray]]:
    """Return arrays of `pieces` as `Sequences`, and the others of their real steps."""
    real = arrays["real"]
    others = {
        name: array[real] if not real.all() else array.reshape(real.size, *array.shape[2:])
        for name, array in arrays.items()
        if name not in ("rows", "starts", "real")
    }
    return Sequences(arrays["rows"], memories, arrays["starts"], real), others
