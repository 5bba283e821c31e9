"""What worker processes do to a training, with A3C: who may have them, faults, stops and kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import zoo
from tests.zoo_actor_critic.asynchronously import cartpole, learner
from tests.zoo_torch.scripted import Scripted
from tests.zoo_torch.test_workers import is_alive, wait_for
from zoo.environments.make import vectorize
from zoo.storage.runs import FINISHED, INTERRUPTED, list_runs
from zoo.testing import check_algorithm
from zoo_actor_critic.a3c import A3C


class Faulty(gym.Env[np.ndarray, int]):
    """Two good steps, and then what it was made for."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, how: str) -> None:
        self.how = how

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.taken = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: int) -> Any:
        self.taken += 1
        reward = 0.0
        if self.taken > 2:
            if self.how == "exits":
                os._exit(7)
            if self.how == "raises":
                raise RuntimeError("the pole broke")
            reward = float(self.how)
        return np.zeros(2, np.float32), reward, False, self.taken > 9, {}


def test_processes_that_cannot_be_are_refused_before_a_run() -> None:
    env = cartpole(2)
    with pytest.raises(zoo.ZooError, match=r"3 processes cannot share out 2 copies .* n_envs to 3"):
        learner(env, processes=3).check(env)
    with pytest.raises(zoo.ZooError, match=r"cannot be made in worker processes. Set processes: 0"):
        learner(Scripted(), processes=1).check(Scripted())
    frame = sys._getframe()
    bound = vectorize([lambda: Faulty("0" if frame else "1")], seed=0)
    with pytest.raises(zoo.ZooError, match="in worker processes: TypeError: cannot pickle 'frame'"):
        learner(bound, processes=1).check(bound)
    assert learner(bound, processes="auto")._processes(bound) == 0


def test_auto_takes_every_core_and_no_more_than_copies(monkeypatch: Any) -> None:
    def chosen(cores: int, env: Any) -> int:
        monkeypatch.setattr("zoo_torch.asynchronous.cores", lambda: cores)
        return learner(env, processes="auto")._processes(env)

    assert [chosen(cores, cartpole(4)) for cores in (1, 2, 64)] == [0, 2, 4]
    assert chosen(2, cartpole(1)) == 0
    assert chosen(64, Scripted()) == 0  # it cannot be made elsewhere
    monkeypatch.setattr("zoo_torch.asynchronous.can_begin", lambda: False)
    assert chosen(64, cartpole(4)) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("nan", "nan in the reward of copy 1 of the environment at step"),
        ("raises", r"environment Faulty \(copy 0 of 1\) raised RuntimeError: the pole broke"),
        ("exits", "worker process 2 of 2 died with exit code 7"),
    ],
)
def test_a_fault_in_a_worker_is_one_line_and_the_end_of_all(how: str, said: str) -> None:
    env = vectorize([lambda: Faulty("0"), lambda: Faulty(how)], seed=0)
    algorithm = learner(env, processes=2)
    with pytest.raises(zoo.ZooError, match=said) as caught:
        list(algorithm.train(env, 10_000))
    assert "\n" not in str(caught.value)
    assert wait_for(lambda: children(os.getpid()) == [])


def children(pid: int) -> list[int]:
    """Return the processes that Python's multiprocessing has begun for process `pid`."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            stat, command = (path / "stat").read_text(), (path / "cmdline").read_bytes()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == pid and b"spawn_main" in command:
            found.append(int(path.name))
    return found


def saved(env: Any, algorithm: A3C) -> dict[str, Any]:
    return {"algorithm": algorithm.state(), "environment": env.state()}


@pytest.mark.slow
def test_processes_count_what_they_do_and_go_on_where_they_were_stopped() -> None:
    env = cartpole(4)
    algorithm = learner(env, processes=2)
    seen = []
    for progress in algorithm.train(env, 6000):
        seen.append(progress)
        if progress.steps >= 3000:
            break
    state = saved(env, algorithm)
    assert progress.episodes == len(env.take_episodes())
    assert all(a.steps < b.steps for a, b in pairwise(seen))
    assert set(progress.metrics) == {
        "train/entropy", "train/value_loss", "train/learning_rate"
    }  # fmt: skip

    env = cartpole(4)
    again = learner(env, processes=2)
    again.load_state(state["algorithm"])
    env.load_state(state["environment"])
    assert again.agent().tensors()["layers.0.weight"].tolist() == (
        algorithm.agent().tensors()["layers.0.weight"].tolist()
    )
    assert again.shared["g"].tolist() == algorithm.shared["g"].tolist()
    *_, last = again.train(env, 6000)
    assert 6000 <= last.steps < 6000 + 8
    assert last.episodes == len(env.take_episodes())  # those before were noted with the state
    assert last.episodes > progress.episodes


@pytest.mark.slow
def test_a_stretch_after_a_stop_begins_other_episodes() -> None:
    env = cartpole(2)
    algorithm = learner(env, processes=1, learning_rate=zoo.Schedule("constant", 0.0))
    played = []
    for total in (2000, 4000):  # with a policy that stays, episodes differ by their seeds alone
        list(algorithm.train(env, total))
        played.append(env.take_episodes())
    assert played[0][:20] != played[1][:20]


@pytest.mark.slow
def test_one_process_is_repeatable() -> None:
    def trained() -> list[float]:
        env = cartpole(2)
        algorithm = learner(env, processes=1)
        list(algorithm.train(env, 2000))
        return algorithm.shared["theta"].tolist()

    assert trained() == trained()


@pytest.mark.slow
def test_a_run_can_change_between_processes_and_turns() -> None:
    env = cartpole(2)
    first = learner(env, processes=2)
    list(first.train(env, 1000))
    state = saved(env, first)
    for processes in (0, 2):
        env = cartpole(2)
        second = learner(env, processes=processes)
        second.load_state(state["algorithm"])
        env.load_state(state["environment"])
        *_, last = second.train(env, first.steps + 500)
        assert last.steps >= first.steps + 500
        state = saved(env, second)
        first = second


ELSEWHERE = "the copies that are stepped are those in the worker processes, not the suite's"
SCHEDULED = {"agent_is_detached", "determinism_by_seed", "exact_resume", "learning_rates_fall"}
"""Checks that compare two trainings of one seed: the order of updates among worker processes is
the scheduler's, and so is whether they fail."""


@pytest.mark.slow
def test_with_processes_it_conforms_but_for_what_they_give_up() -> None:
    report = check_algorithm(
        "a3c",
        config={"processes": 2},
        expected_failures={
            "progress_is_true": ELSEWHERE,
            "closes_early": ELSEWHERE,
            "resume_with_fresh_episodes": ELSEWHERE,
        },
        on_fail="return",
    )
    assert {problem.check for problem in report.problems} <= SCHEDULED, report


COMMAND = [
    "train", "--algo", "a3c", "--env", "CartPole-v1", "--steps", "10000000", "--n-envs", "2",
    "--seed", "1", "--set", "processes=2", "--eval-every", "0", "--checkpoint-every", "2000",
]  # fmt: skip


def begin(tmp_path: Path) -> tuple[subprocess.Popen[bytes], list[int], zoo.Run]:
    """Begin a run that is too long, and wait until its workers have done something."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo", *COMMAND],
        stdout=subprocess.DEVNULL,
        stderr=(tmp_path / "stderr").open("wb"),
        start_new_session=True,
    )
    said = tmp_path / "stderr"
    assert wait_for(lambda: any(run.steps > 0 for run in list_runs()), 60), said.read_text()
    workers = children(process.pid)
    assert len(workers) == 2
    return process, workers, list_runs()[0]


def goes_on(run: zoo.Run) -> None:
    """Assert that a run continues from where it was, to its end."""
    done = run.steps
    after = zoo.resume(run.id, steps=done + 4000)
    assert after.status == FINISHED
    assert after.steps >= done + 4000


@pytest.mark.slow
def test_ctrl_c_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    process, workers, _ = begin(tmp_path)
    os.killpg(process.pid, signal.SIGINT)  # a terminal's Ctrl-C reaches the workers too
    process.wait(timeout=60)
    assert wait_for(lambda: not any(is_alive(pid) for pid in workers))
    (run,) = list_runs()
    assert run.status == INTERRUPTED
    assert "Traceback" not in (tmp_path / "stderr").read_text()
    goes_on(run)


@pytest.mark.slow
def test_kill_9_leaves_a_run_that_goes_on_and_no_workers(tmp_path: Path) -> None:
    process, workers, _ = begin(tmp_path)
    time.sleep(0.5)
    process.kill()
    process.wait()
    assert wait_for(lambda: not any(is_alive(pid) for pid in workers))
    (run,) = list_runs()
    assert run.status == INTERRUPTED
    goes_on(run)
