"""Worker processes: orders and reports, and every way in which one can end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo import ZooError
from zoo_torch import workers
from zoo_torch.workers import Crew, SharedArrays

pytestmark = pytest.mark.slow  # each test begins processes, which takes a second or more


class Member:
    """Does what the test says."""

    def __init__(self, job: Any, arrays: dict[str, np.ndarray], halted: workers.Halted) -> None:
        self.job, self.arrays, self.halted = job, arrays, halted
        if job == "bad":
            raise ZooError("this job is bad", "Give a better one")

    def obey(self, order: Any) -> Any:
        verb, *rest = order
        return getattr(self, verb)(*rest)

    def add(self, amount: float) -> int:
        self.arrays["sums"][self.job] += amount
        return self.job

    def until_halted(self) -> str:
        while not self.halted():
            time.sleep(0.001)
        return "halted"

    def fail(self, who: int) -> None:
        if self.job == who:
            raise ZooError("nan in the reward of copy 1", "Mend it")
        self.until_halted()

    def raise_value_error(self) -> None:
        raise ValueError("of no use")

    def die(self, who: int) -> None:
        if self.job == who:
            os._exit(3)

    def die_by(self, number: int) -> None:
        os.kill(os.getpid(), number)

    def hang(self) -> None:
        time.sleep(1000)

    def facts(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "directory": os.getcwd(),
            "main": getattr(sys.modules["__main__"], "__file__", None),
            "threads": [os.environ.get(name) for name in workers.ONE_THREAD],
            "has_main_mark": hasattr(sys.modules["__main__"], "MARK"),
        }

    def close(self) -> None:
        self.arrays["sums"][self.job] = -1


def crew(count: int = 2) -> tuple[Crew, dict[str, np.ndarray]]:
    arrays = SharedArrays({"sums": np.zeros(count, np.float32)})
    return Crew(Member, list(range(count)), arrays), arrays.views()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "State:\tZ" in status.read_text())


def wait_for(condition: Any, seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_workers_obey_report_and_write_to_shared_memory() -> None:
    found, views = crew()
    with found:
        assert found.order(("add", 2.5)) == [0, 1]
        assert found.order(("add", 1)) == [0, 1]
        assert views["sums"].tolist() == [3.5, 3.5]
    assert views["sums"].tolist() == [-1, -1]  # each was closed


def test_an_order_without_end_is_halted() -> None:
    found, _ = crew()
    with found:
        assert found.order(("until_halted",), seconds=0.2) == ["halted", "halted"]
        assert found.order(("add", 1)) == [0, 1]


def test_the_failure_of_one_is_the_caller_s_error_and_the_end_of_all() -> None:
    found, views = crew()
    with pytest.raises(ZooError, match=r"nan in the reward of copy 1. Mend it"), found:
        found.order(("fail", 1))
    assert views["sums"].tolist() == [-1, -1]


def test_other_errors_are_named_in_a_line() -> None:
    found, _ = crew(1)
    with pytest.raises(ZooError, match="a worker process failed: ValueError: of no use"), found:
        found.order(("raise_value_error",))


def test_a_failure_at_the_beginning_is_the_caller_s_error() -> None:
    arrays = SharedArrays({"sums": np.zeros(2)})
    with pytest.raises(ZooError, match="this job is bad"):
        Crew(Member, [0, "bad"], arrays)


def test_what_cannot_be_pickled_has_an_obstacle() -> None:
    assert workers.obstacle(lambda: 0) == ""
    assert workers.obstacle(sys._getframe()).startswith("TypeError: cannot pickle")


def test_a_death_is_told_with_its_cause() -> None:
    found, _ = crew()
    with pytest.raises(ZooError, match="worker process 2 of 2 died with exit code 3"), found:
        found.order(("die", 1))
    found, _ = crew(1)
    with pytest.raises(ZooError, match="died with exit code -11"), found:
        found.order(("die_by", signal.SIGSEGV))
    found, _ = crew(1)
    with pytest.raises(ZooError, match="it was killed, perhaps for want of memory"), found:
        found.order(("die_by", signal.SIGKILL))


def test_signals_are_left_to_the_caller() -> None:
    found, _ = crew(1)
    with found:
        (facts,) = found.order(("facts",))
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(facts["pid"], number)
        assert found.order(("add", 1)) == [0]


def test_one_that_hangs_is_killed_when_the_crew_is_closed(monkeypatch: Any) -> None:
    monkeypatch.setattr(workers, "SECONDS_TO_STOP", 0.2)
    found, _ = crew(1)
    (facts,) = found.order(("facts",))
    found._pipes[0].send(("hang",))
    found.close()
    assert wait_for(lambda: not is_alive(facts["pid"]))


def test_workers_know_where_they_are_and_take_one_thread(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for name in workers.ONE_THREAD:
        monkeypatch.delenv(name, raising=False)
    found, _ = crew(1)
    with found:
        (facts,) = found.order(("facts",))
    assert facts["directory"] == str(tmp_path)
    assert facts["threads"] == ["1"] * 3
    assert not any(name in os.environ for name in workers.ONE_THREAD)


SCRIPT = """
    import sys, time
    import numpy as np
    from tests.zoo_torch.test_workers import Member
    from zoo_torch.workers import Crew, SharedArrays

    print("the script runs", flush=True)
    MARK = True
    crew = Crew(Member, [0, 1], SharedArrays({"sums": np.zeros(2)}))
    facts = crew.order(("facts",))
    print(*[f["pid"] for f in facts], [f["has_main_mark"] for f in facts], flush=True)
"""


def script(tmp_path: Path, end: str) -> subprocess.Popen[str]:
    """Run a script without `if __name__ == "__main__":` that begins two workers."""
    file = tmp_path / "script.py"
    file.write_text(textwrap.dedent(SCRIPT) + textwrap.dedent(end))
    return subprocess.Popen(
        [sys.executable, str(file)], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip


def first_lines(process: subprocess.Popen[str]) -> tuple[list[int], str]:
    """Return the process ids of the workers, and what they know of the script."""
    assert process.stdout is not None
    assert process.stdout.readline() == "the script runs\n"
    *pids, one, other = process.stdout.readline().split()
    return [int(pid) for pid in pids], one + other


def test_a_script_needs_no_guard_and_is_run_once(tmp_path: Path) -> None:
    process = script(tmp_path, "crew.close()")
    assert first_lines(process)[1] == "[False,False]"
    assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == 0


@pytest.mark.parametrize("doing", ["nothing", "work"])
def test_workers_die_with_a_caller_that_is_killed(tmp_path: Path, doing: str) -> None:
    end = "time.sleep(1000)" if doing == "nothing" else "crew.order(('hang',))"
    process = script(tmp_path, end)
    pids, _ = first_lines(process)
    assert all(is_alive(pid) for pid in pids)
    time.sleep(0.3)
    process.kill()
    process.wait()
    assert wait_for(lambda: not any(is_alive(pid) for pid in pids))


def test_workers_die_with_a_caller_that_forgets_them(tmp_path: Path) -> None:
    process = script(tmp_path, "sys.exit(0)")
    pids, _ = first_lines(process)
    assert process.wait(timeout=60) == 0
    assert wait_for(lambda: not any(is_alive(pid) for pid in pids))
