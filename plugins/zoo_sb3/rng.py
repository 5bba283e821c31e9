"""Random numbers of its own for a library that draws from the global generators."""

from __future__ import annotations

import random
from types import TracebackType
from typing import Any

import numpy as np
import torch

from zoo import State


class RandomStreams:
    """The global generators of torch, NumPy and `random`, with states that are kept apart.

    SB3 seeds and draws from these generators. Inside `with streams:` they continue where the
    block before left them; outside, they are what the caller had, whatever happened inside.
    """

    def __init__(self, device: str = "cpu") -> None:
        """Begin with whatever the generators hold in the first block, which is to seed them."""
        self._cuda = torch.device(device) if device.startswith("cuda") else None
        self._own: tuple[Any, ...] | None = None
        self._outside: tuple[Any, ...] | None = None
        self._on_gpus: list[torch.Tensor] = []
        """What the generators of all GPUs hold outside: seeding torch seeds each of them."""

    def __enter__(self) -> RandomStreams:
        if self._outside is not None:
            raise RuntimeError("the random streams are already in use")
        self._outside = self._capture()
        if torch.cuda.is_initialized():
            self._on_gpus = torch.cuda.get_rng_state_all()
        if self._own is not None:
            self._restore(self._own)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._outside is not None
        self._own = self._capture()
        self._restore(self._outside)
        if self._on_gpus:
            torch.cuda.set_rng_state_all(self._on_gpus)
        self._outside, self._on_gpus = None, []

    def state(self) -> State:
        """Return where the streams are; only outside a block."""
        if self._own is None:
            return {}
        on_cpu, numpy, (version, key, gauss), cuda, _ = self._own
        state: State = {
            "torch": on_cpu.numpy().copy(),
            "numpy": {name: numpy["state"][name] for name in ("key", "pos")}
            | {"has_gauss": numpy["has_gauss"], "gauss": numpy["gauss"]},
            "random": {"version": version, "key": np.array(key, np.uint32), "gauss": gauss},
        }
        if cuda is not None:
            state["cuda"] = cuda.cpu().numpy().copy()
        return state

    def load_state(self, state: State) -> None:
        """Continue from what `state` returned."""
        if not state:
            return
        python, numpy, cuda = state["random"], state["numpy"], None
        if self._cuda is not None:  # a run that moves to a GPU has no stream there yet
            there = state.get("cuda")
            cuda = torch.cuda.get_rng_state(self._cuda) if there is None else _bytes(there)
        self._own = (
            _bytes(state["torch"]),
            {
                "bit_generator": "MT19937",
                "state": {"key": np.array(numpy["key"], np.uint32), "pos": int(numpy["pos"])},
                "has_gauss": int(numpy["has_gauss"]),
                "gauss": float(numpy["gauss"]),
            },
            (int(python["version"]), tuple(python["key"].tolist()), python["gauss"]),
            cuda,
            None if cuda is None else (True, False),  # as SB3 sets them when it seeds
        )

    def _capture(self) -> tuple[Any, ...]:
        """Return (torch, numpy, random, CUDA, cuDNN flags); the last two are None on the CPU."""
        cuda = flags = None
        if self._cuda is not None:
            cuda = torch.cuda.get_rng_state(self._cuda)
            flags = (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark)
        numpy = np.random.get_state(legacy=False)
        return torch.get_rng_state(), numpy, random.getstate(), cuda, flags

    def _restore(self, states: tuple[Any, ...]) -> None:
        on_cpu, numpy, python, cuda, flags = states
        torch.set_rng_state(on_cpu)
        np.random.set_state(numpy)
        random.setstate(python)
        if cuda is not None and self._cuda is not None:
            torch.cuda.set_rng_state(cuda, self._cuda)
        if flags is not None:
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = flags


def _bytes(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(array, np.uint8))
