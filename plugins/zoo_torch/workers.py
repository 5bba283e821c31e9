"""Worker processes that compute on shared memory, obey orders, and never outlive who began them.

Workers are spawned, not forked: a fork would copy whatever locks other threads of the caller hold
(a progress bar's, a BLAS pool's, those of torch), its handlers of signals and its open files, the
lock of the run among them. They begin in about a second, compute with one BLAS thread each, and
do not run the caller's script again, so that it needs no `if __name__ == "__main__":`.

    arrays = SharedArrays({"theta": theta})
    with Crew(begin, jobs, arrays) as crew:      # begin(job, arrays, halted) -> Worker, over there
        reports = crew.order(("go", 1000), seconds=1.0)

Between orders all workers wait, so that what lies in shared memory holds still. Ctrl-C and a
scheduler's SIGTERM reach only the caller, which decides. A worker that fails or dies is one
`ZooError` in the caller, and the end of all of them; where the caller dies, workers do at once.
"""

from __future__ import annotations

import atexit
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection, current_process, get_context, parent_process
from multiprocessing.reduction import ForkingPickler
from multiprocessing.sharedctypes import RawArray
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from gymnasium.vector.utils import CloudpickleWrapper

from zoo import ZooError

SECONDS_TO_STOP = 2.0
"""How long a worker has to end by itself before it is killed."""
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

Halted = Callable[[], bool]
"""Whether the caller would rather have the report now than when the order is carried out."""


class Worker(Protocol):
    """What a process of a crew does."""

    def obey(self, order: Any) -> Any:
        """Carry out an order and return the report, both of which are pickled."""

    def close(self) -> None: ...


class SharedArrays:
    """Arrays in shared memory without a name, which is gone when the last process is."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Copy `arrays`."""
        self._parts = {
            name: (RawArray("b", max(array.nbytes, 1)), array.shape, array.dtype)
            for name, array in arrays.items()
        }
        for name, view in self.views().items():
            view[...] = arrays[name]

    def views(self) -> dict[str, np.ndarray]:
        """Return the arrays, in the memory that all processes share."""
        return {
            name: np.frombuffer(memory, dtype, math.prod(shape)).reshape(shape)
            for name, (memory, shape, dtype) in self._parts.items()
        }


class Crew:
    """One process for each job. Close it, or use it as a context."""

    def __init__(
        self,
        begin: Callable[[Any, dict[str, np.ndarray], Halted], Worker],
        jobs: Sequence[Any],
        arrays: SharedArrays,
    ) -> None:
        """Start the processes and wait until `begin(job, arrays, halted)` has returned in each.

        `ZooError` where it raises. Jobs are pickled: ask `obstacle` whether they can be.
        """
        self._halt = SharedArrays({"halt": np.zeros(1, np.bool_)})
        self._halted = self._halt.views()["halt"]
        context = get_context("spawn")
        self._pipes: list[Any] = []
        self._processes: list[Any] = []
        atexit.register(self.close)  # before multiprocessing waits for who ignores its SIGTERM
        try:
            for _ in jobs:
                mine, theirs = context.Pipe()
                process = context.Process(
                    target=_main, args=(theirs, arrays, self._halt, os.getcwd()), daemon=True
                )
                with _undisturbed():
                    process.start()
                theirs.close()
                self._pipes.append(mine)
                self._processes.append(process)
            for pipe, job in zip(self._pipes, jobs, strict=True):
                task: Any = (begin, job)
                with suppress(OSError):  # it is dead, which shows when it does not report
                    pipe.send(CloudpickleWrapper(task))
            self._gather(math.inf)
        except BaseException:
            self.close()
            raise

    def order(self, order: Any, *, seconds: float = math.inf) -> list[Any]:
        """Have all workers carry out `order` and return their reports; after `seconds` they are
        told to report as soon as they can."""
        self._halted[0] = False
        for pipe in self._pipes:
            with suppress(OSError):  # who does not listen any more does not report either
                pipe.send(order)
        return self._gather(seconds)

    def close(self) -> None:
        """End the processes, by force those that do not end by themselves."""
        atexit.unregister(self.close)
        self._halted[0] = True
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.send(None)
        until = time.monotonic() + SECONDS_TO_STOP
        for process in self._processes:
            process.join(max(until - time.monotonic(), 0.0))
            if process.is_alive():
                process.kill()
                process.join()
        for pipe in self._pipes:
            pipe.close()
        self._pipes, self._processes = [], []

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _gather(self, seconds: float) -> list[Any]:
        """Return what all workers report."""
        reports: list[Any] = [None] * len(self._pipes)
        waiting = {pipe: index for index, pipe in enumerate(self._pipes)}
        until = time.monotonic() + seconds
        while waiting:
            patience = until - time.monotonic()
            ready: list[Any] = connection.wait(
                list(waiting), None if math.isinf(patience) else max(patience, 0.0)
            )
            if not ready:
                self._halted[0], until = True, math.inf
            for pipe in ready:
                index = waiting.pop(pipe)
                try:
                    failed, content = pipe.recv()
                except (EOFError, OSError):
                    raise self._death_of(index) from None
                if failed:
                    raise ZooError(*content)
                reports[index] = content
        return reports

    def _death_of(self, index: int) -> ZooError:
        process = self._processes[index]
        process.join(SECONDS_TO_STOP)
        how = {None: "", -signal.SIGKILL: ": it was killed, perhaps for want of memory"}.get(
            process.exitcode, f" with exit code {process.exitcode}"
        )
        return ZooError(
            f"worker process {index + 1} of {len(self._processes)} died{how}",
            "Its environment's native code may be at fault",
        )


def can_begin() -> bool:
    """Whether this process may have worker processes: a daemon, such as one of a pool, may not."""
    return not current_process().daemon


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def obstacle(job: Any) -> str:
    """Return why `job` cannot be given to a worker, in a line; '' where it can.

    It may hold functions that belong to no module, or to the caller's script.
    """
    try:
        ForkingPickler.dumps(CloudpickleWrapper(job))
    except Exception as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
    return ""


def _main(pipe: Any, arrays: SharedArrays, halt: SharedArrays, directory: str) -> None:
    """What a worker process does, from its beginning to its end."""
    _obey_the_caller_alone()
    os.chdir(directory)
    halted = halt.views()["halt"]
    worker: Worker | None = None
    try:
        begin, job = pipe.recv().fn
        worker = begin(job, arrays.views(), lambda: bool(halted[0]))
        pipe.send((False, None))
        while (order := pipe.recv()) is not None:
            pipe.send((False, worker.obey(order)))
    except (EOFError, BrokenPipeError):
        pass  # the caller is gone
    except Exception as error:
        if os.environ.get("ZOO_DEBUG"):
            traceback.print_exc()
        with suppress(OSError):
            pipe.send((True, _in_a_line(error)))
    finally:
        if worker is not None:
            with suppress(Exception):
                worker.close()


def _in_a_line(error: Exception) -> tuple[str, str]:
    """Return message and hint of the `ZooError` that the caller shall raise."""
    if isinstance(error, ZooError):
        return error.message, error.hint
    return (
        f"a worker process failed: {type(error).__name__}: {error}",
        "ZOO_DEBUG=1 shows where the error arose",
    )


def _obey_the_caller_alone() -> None:
    """Leave signals to the caller, and die when it does."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    caller = parent_process()
    assert caller is not None

    def watch() -> None:
        connection.wait([caller.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Have a process that is started in the block begin with its signals held back, with one
    thread for BLAS, and without the caller's script, which it would else run to know its names."""
    script = sys.modules["__main__"]
    missing = [name for name in ONE_THREAD if name not in os.environ]
    masks = hasattr(signal, "pthread_sigmask")
    if masks:
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # it would let the signals through again
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    os.environ.update(dict.fromkeys(missing, "1"))
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script
        for name in missing:
            os.environ.pop(name, None)
        if masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
