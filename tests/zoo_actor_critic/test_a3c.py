"""A3C's gradient by hand and in torch, and what its worker processes do to a run."""

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
import torch
from gymnasium import spaces

import zoo
from tests.zoo_torch.scripted import Scripted
from tests.zoo_torch.test_workers import is_alive, wait_for
from zoo.environments.make import make_vector, vectorize
from zoo.storage.runs import FINISHED, INTERRUPTED, list_runs
from zoo.testing import check_algorithm
from zoo_actor_critic.a3c import A3C, A3CConfig, a3c_slopes, returns
from zoo_torch.actor_learners import Turns

GAMMA, ETA = 0.9, 0.01


def learner(env: Any, seed: int = 0, **config: Any) -> A3C:
    spaces_ = env.single_observation_space, env.single_action_space
    return A3C(A3CConfig(**{"processes": 0} | config), *spaces_, seed=seed)


def cartpole(n: int, seed: int = 0) -> Any:
    return make_vector(zoo.EnvironmentConfig("CartPole-v1"), n, seed=seed)


def test_returns_are_discounted_sums_that_end_in_what_follows() -> None:
    assert returns(np.float32([1, 2, 3]), 8.0, 0.5).tolist() == [1 + 0.5 * 5.5, 5.5, 7.0]


def test_the_slopes_worked_out_by_hand() -> None:
    # of sum(c (R - V)^2 - (R - V) log pi - b H)
    found = a3c_slopes(
        np.float32([0.5, 5]), np.float32([1, 3]), A3CConfig(vf_coef=0.3, ent_coef=0.1)
    )
    assert found.log_prob == pytest.approx([-0.5, 2.0])
    assert found.values == pytest.approx([-0.3, 1.2])
    assert found.entropy == pytest.approx(-0.1)


class Thread:
    """Algorithm S3 in torch, one pass after the other, on flat vectors."""

    def __init__(self, theta: torch.Tensor, units: int, config: A3CConfig) -> None:
        self.units, self.config = units, config
        self.begin(theta, 0)

    def begin(self, theta: torch.Tensor, most: int) -> None:
        self.theta, self.most = theta.clone().requires_grad_(), most
        self.steps: list[tuple[np.ndarray, int, float]] = []

    def networks(self, s: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits and the value of one state."""
        start, outputs = 0, []
        for last in (2, 1):
            h = torch.tensor(s)
            for inputs, units in ((2, self.units), (self.units, last)):
                W = self.theta[start : start + inputs * units].view(inputs, units)
                start += inputs * units
                h = h @ W + self.theta[start : start + units]
                start += units
                h = torch.tanh(h) if units == self.units else h
            outputs.append(h)
        return outputs[0], outputs[1][0]

    def d_theta(self, last: np.ndarray, terminated: bool) -> torch.Tensor:
        R = 0.0 if terminated else self.networks(last)[1].item()
        total = torch.zeros_like(self.theta)
        for s, a, r in reversed(self.steps):
            R = r + GAMMA * R
            logits, V = self.networks(s)
            pi = torch.distributions.Categorical(logits=logits)
            gain = pi.log_prob(torch.tensor(a)) * (R - V.item())
            gain = gain + self.config.ent_coef * pi.entropy()
            loss = self.config.vf_coef * (R - V) ** 2 - gain
            total += torch.autograd.grad(loss, self.theta)[0]
        return total


def in_torch(
    theta: torch.Tensor, firsts: list[int], actions: list[np.ndarray], config: A3CConfig
) -> torch.Tensor:
    """Return theta after these steps of `Scripted`, with two threads."""
    threads = [Thread(theta, 5, config) for _ in range(2)]
    for thread, most in zip(threads, firsts, strict=True):
        thread.begin(theta, most)
    g, env = torch.zeros_like(theta), Scripted()
    states, _ = env.reset()
    for chosen in actions:
        following, rewards, terminated, truncated, infos = env.step(chosen)
        for i, thread in enumerate(threads):
            thread.steps.append((states[i], int(chosen[i]), float(rewards[i])))
            done = terminated[i] or truncated[i]
            if not done and len(thread.steps) < thread.most:
                continue
            last = infos["final_obs"][i] if truncated[i] else following[i]
            d = thread.d_theta(last, bool(terminated[i]))
            d = d * min(config.max_grad_norm / float(d.norm()), 1.0)
            g = config.rms_prop_alpha * g + (1 - config.rms_prop_alpha) * d**2
            theta = theta - ETA * d / torch.sqrt(g + config.rms_prop_eps)
            thread.begin(theta, config.n_steps)
        states = following
    return theta


@pytest.mark.parametrize("n_steps", [1, 3])
def test_it_does_what_algorithm_s3_does(n_steps: int) -> None:
    env = Scripted()
    algorithm = learner(
        env, n_steps=n_steps, gamma=GAMMA, learning_rate=zoo.Schedule("constant", ETA),
        rms_prop_eps=0.01, policy_kwargs={"net_arch": [5]}, max_grad_norm=3.0, ent_coef=0.1,
    )  # fmt: skip
    theta = torch.tensor(algorithm.shared["theta"])
    turns = Turns(algorithm, env, algorithm._learners_for(range(2)))
    firsts = [one._most for one in turns.learners]
    for _ in range(9):
        turns.step(1000)
    expected = in_torch(theta, firsts, env.actions, algorithm.config).numpy()
    found = algorithm.shared["theta"]
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)
    assert np.abs(found - theta.numpy()).max() > 0.02
    assert algorithm.shared["counts"][0, 2] > 9 / n_steps


def test_the_agent_is_theta_s_and_does_not_change_with_it() -> None:
    env = cartpole(2)
    algorithm = learner(env)
    list(algorithm.train(env, 200))
    agent = algorithm.agent()
    weights = {name: array.copy() for name, array in agent.tensors().items()}
    theta = algorithm.shared["theta"]
    assert weights["layers.0.weight"].T.ravel()[:9].tolist() == theta[:9].tolist()
    list(algorithm.train(env, 400))
    assert all(np.array_equal(agent.tensors()[name], weights[name]) for name in weights)
    assert not np.array_equal(algorithm.agent().tensors()["layers.0.weight"],
                              weights["layers.0.weight"])  # fmt: skip


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


# ---- Worker processes -----------------------------------------------------------------------


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
SCHEDULED = "the order of updates among worker processes is the scheduler's"


@pytest.mark.slow
def test_with_processes_it_conforms_but_for_what_they_give_up() -> None:
    report = check_algorithm(
        "a3c",
        config={"processes": 2},
        expected_failures={
            "agent_is_detached": SCHEDULED,
            "determinism_by_seed": SCHEDULED,
            "exact_resume": SCHEDULED,
            "progress_is_true": ELSEWHERE,
            "closes_early": ELSEWHERE,
            "resume_with_fresh_episodes": ELSEWHERE,
        },
    )
    assert report.ok


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


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "seed"), [(0, 0), (0, 1), (0, 2), (2, 0)])
def test_it_learns_cartpole(processes: int, seed: int) -> None:
    env = cartpole(8, seed)
    algorithm = learner(
        env, seed, processes=processes, n_steps=20, ent_coef=0.0,
        learning_rate=zoo.Schedule.parse("lin_2e-3"),
    )  # fmt: skip
    for _ in algorithm.train(env, 150_000):
        pass
    returns_ = [total for total, _ in env.take_episodes()]
    means = np.convolve(returns_, np.full(20, 1 / 20), "valid")
    assert means[0] < 60
    assert means.max() > 400
