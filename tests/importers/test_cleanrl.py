"""CleanRL's networks, written as its scripts write them, act as its scripts do."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo

torch = pytest.importorskip("torch")
nn = torch.nn
N = 500


def linear(*sizes: int, activation: Any) -> Any:
    parts: list[Any] = []
    for one, two in pairwise(sizes):
        parts += [nn.Linear(one, two), activation()]
    return nn.Sequential(*parts[:-1])


class Q(nn.Module):
    def __init__(self, inputs: int, actions: int, atoms: int = 0) -> None:
        super().__init__()
        self.n, self.count = actions, atoms
        if atoms:
            self.register_buffer("atoms", torch.linspace(-10, 10, steps=atoms))
        self.network = linear(inputs, 120, 84, actions * max(atoms, 1), activation=nn.ReLU)

    def greedy(self, x: Any) -> Any:
        out = self.network(x)
        if self.count:
            pmfs = torch.softmax(out.view(len(x), self.n, self.count), dim=2)
            out = (pmfs * self.atoms).sum(2)
        return out.argmax(1)


class PPO(nn.Module):
    def __init__(self, inputs: int, actions: int, continuous: bool) -> None:
        super().__init__()
        self.critic = linear(inputs, 64, 64, 1, activation=nn.Tanh)
        network = linear(inputs, 64, 64, actions, activation=nn.Tanh)
        if continuous:
            self.actor_mean, self.actor_logstd = network, nn.Parameter(torch.zeros(1, actions))
        else:
            self.actor = network


class Actor(nn.Module):
    def __init__(self, env: Any, sac: bool) -> None:
        super().__init__()
        inputs, actions = env.observation_space.shape[0], env.action_space.shape[0]
        self.fc1, self.fc2 = nn.Linear(inputs, 256), nn.Linear(256, 256)
        if sac:
            self.fc_mean, self.fc_logstd = nn.Linear(256, actions), nn.Linear(256, actions)
        else:
            self.fc_mu = nn.Linear(256, actions)
        high, low = env.action_space.high, env.action_space.low
        self.register_buffer("action_scale", torch.tensor((high - low) / 2.0))
        self.register_buffer("action_bias", torch.tensor((high + low) / 2.0))
        self.last = self.fc_mean if sac else self.fc_mu

    def forward(self, x: Any) -> Any:
        x = torch.relu(self.fc2(torch.relu(self.fc1(x))))
        return torch.tanh(self.last(x)) * self.action_scale + self.action_bias


def grown(module: Any) -> Any:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(3.0)
    return module


@pytest.fixture(autouse=True)
def same_weights() -> None:
    """Draw the same first weights whatever other tests have drawn."""
    torch.manual_seed(3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "CartPole-v1__script__1__1690000000"
    path.mkdir()
    return path


def observations(env_id: str) -> Any:
    import gymnasium as gym

    env = gym.make(env_id)
    rng = np.random.default_rng(0)
    return env, rng.uniform(-2, 2, (N, *env.observation_space.shape)).astype(np.float32)


@pytest.mark.parametrize("atoms", [0, 11])
def test_action_values(folder: Path, tmp_path: Path, atoms: int) -> None:
    net = grown(Q(4, 2, atoms))
    path = folder / "script.cleanrl_model"
    torch.save({"model_weights": net.state_dict(), "args": {}} if atoms else net.state_dict(), path)
    bundle, notes = zoo.import_agent(folder, tmp_path / "agent")
    assert bundle.env_id == "CartPole-v1"
    assert bundle.algorithm == ("cleanrl-c51" if atoms else "cleanrl-dqn")
    assert notes == ()
    _, seen = observations("CartPole-v1")
    with torch.no_grad():
        expected = net.greedy(torch.from_numpy(seen)).numpy()
    assert len(set(expected.tolist())) == 2
    assert np.mean(bundle.agent().act(seen) == expected) > 0.99


@pytest.mark.parametrize("continuous", [False, True])
def test_ppo(folder: Path, tmp_path: Path, continuous: bool) -> None:
    env, seen = observations("Pendulum-v1" if continuous else "CartPole-v1")
    net = PPO(seen.shape[1], 1 if continuous else 2, continuous)
    torch.save(net.state_dict(), folder / "x.cleanrl_model")
    bundle, notes = zoo.import_agent(folder, tmp_path / "agent", env=env.spec.id)
    with torch.no_grad():
        if continuous:
            mean = net.actor_mean(torch.from_numpy(seen)).numpy()
            expected = np.clip(mean, env.action_space.low, env.action_space.high)
        else:
            expected = net.actor(torch.from_numpy(seen)).argmax(1).numpy()
    if continuous:
        assert "does not save how" in notes[0]
    np.testing.assert_allclose(bundle.agent().act(seen), expected, atol=1e-5)


def test_ppo_with_statistics_normalises(folder: Path, tmp_path: Path) -> None:
    _, seen = observations("Pendulum-v1")
    net = grown(PPO(3, 1, True))
    torch.save(net.state_dict(), folder / "x.cleanrl_model")
    mean, var = np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.7, 9.0])
    np.savez(tmp_path / "statistics.npz", mean=mean, var=var)
    bundle, notes = zoo.import_agent(
        folder, tmp_path / "agent", env="Pendulum-v1", statistics=tmp_path / "statistics.npz"
    )
    assert notes == ()
    scaled = np.clip((seen - mean) / np.sqrt(var + 1e-8), -10, 10).astype(np.float32)
    with torch.no_grad():
        expected = np.clip(net.actor_mean(torch.from_numpy(scaled)).numpy(), -2, 2)
    np.testing.assert_allclose(bundle.agent().act(seen), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("script", "critics"),
    [("ddpg_continuous_action", 1), ("td3_continuous_action", 2), ("sac_continuous_action", 2)],
)
def test_actors(folder: Path, tmp_path: Path, script: str, critics: int) -> None:
    env, seen = observations("Pendulum-v1")
    actor = Actor(env, sac=script.startswith("sac"))
    del actor._modules["last"]
    critic = nn.Linear(4, 1).state_dict()
    parts = (actor.state_dict(), *[critic] * critics)
    torch.save(parts, folder / f"{script}.cleanrl_model")
    bundle, _ = zoo.import_agent(folder, tmp_path / "agent", env="Pendulum-v1")
    assert bundle.algorithm == f"cleanrl-{script}"
    actor.last = actor.fc_mean if script.startswith("sac") else actor.fc_mu
    with torch.no_grad():
        expected = actor(torch.from_numpy(seen)).numpy()
    np.testing.assert_allclose(bundle.agent().act(seen), expected, atol=1e-5)


def test_sac_draws_from_the_scripts_distribution(folder: Path, tmp_path: Path) -> None:
    env, seen = observations("Pendulum-v1")
    actor = Actor(env, sac=True)
    del actor._modules["last"]
    torch.save((actor.state_dict(), {}, {}), folder / "x.cleanrl_model")
    bundle, _ = zoo.import_agent(folder, tmp_path / "agent", env="Pendulum-v1")
    x = np.repeat(seen[:1], 20_000, axis=0)
    with torch.no_grad():
        hidden = torch.relu(actor.fc2(torch.relu(actor.fc1(torch.from_numpy(x)))))
        log_std = -5 + 0.5 * 7 * (torch.tanh(actor.fc_logstd(hidden)) + 1)
        torch.manual_seed(0)
        drawn = torch.tanh(torch.normal(actor.fc_mean(hidden), log_std.exp())) * 2
    actions = bundle.agent().act(x, deterministic=False)
    assert actions.mean() == pytest.approx(drawn.mean().item(), abs=0.05)
    assert actions.std() == pytest.approx(drawn.std().item(), rel=0.05)


def test_images_and_strange_networks_are_refused(folder: Path, tmp_path: Path) -> None:
    conv = nn.Sequential(nn.Conv2d(4, 2, 3))
    torch.save(
        {f"network.{k}": v for k, v in conv.state_dict().items()}, folder / "x.cleanrl_model"
    )
    with pytest.raises(zoo.ZooError, match="reads images"):
        zoo.import_agent(folder, tmp_path / "agent")
    torch.save(nn.Linear(2, 2).state_dict(), folder / "x.cleanrl_model")
    with pytest.raises(zoo.ZooError, match="none of the networks"):
        zoo.import_agent(folder, tmp_path / "agent")


@pytest.mark.parametrize(("mean", "var"), [([0, 0, 0], [1, 1]), ([0, 0], [1, -1])])
def test_statistics_that_are_none(
    folder: Path, tmp_path: Path, mean: list[float], var: list[float]
) -> None:
    torch.save(PPO(3, 1, True).state_dict(), folder / "x.cleanrl_model")
    np.savez(tmp_path / "s.npz", mean=mean, var=var)
    with pytest.raises(zoo.ZooError, match="do not fit each other"):
        zoo.import_agent(
            folder, tmp_path / "agent", env="Pendulum-v1", statistics=tmp_path / "s.npz"
        )


def test_a_model_that_would_fill_the_memory(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.importers.cleanrl._MAX_BYTES", 100)
    (folder / "x.cleanrl_model").write_bytes(b"x" * 101)
    with pytest.raises(zoo.ZooError, match="too large"):
        zoo.import_agent(folder, tmp_path / "agent", env="Pendulum-v1")
