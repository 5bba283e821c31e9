"""Rainbow against autograd with and without each part."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.zoo_dqn import test_dqn, test_noisy_dqn
from tests.zoo_dqn.plainly import ACTIONS, BOX, Network, batch_of, check_update
from tests.zoo_dqn.test_c51 import Z, algorithm_1
from zoo_dqn.rainbow import Rainbow, RainbowConfig
from zoo_torch.prioritized import PrioritizedReplay
from zoo_torch.replay import Replay

OFF = {"double": False, "dueling": False, "prioritized": False, "n_steps": 1,
       "distributional": False, "noisy": False}  # fmt: skip


def learner(**settings: Any) -> Rainbow:
    config = RainbowConfig(
        policy_kwargs={"net_arch": [8, 6]},
        n_atoms=5,
        v_min=-2,
        v_max=2,
        buffer_size=100,
        **settings,
    )
    return Rainbow(config, BOX, ACTIONS, seed=0)


def remembering(**settings: Any) -> Rainbow:
    """Return a learner whose memory holds 12 transitions, each an episode."""
    rainbow = learner(**settings)
    rainbow.replay = rainbow.make_replay(1)
    some = batch_of(12)
    end = np.array([True])
    for i in range(12):
        rainbow.replay.add(some.rows[[i]], some.actions[[i]], some.rewards[[i]], end, ~end,
                           some.next_rows[[i]])  # fmt: skip
    return rainbow


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("dueling", [False, True])
def test_the_gradient_is_that_of_the_divergence_by_autograd(double: bool, dueling: bool) -> None:
    def loss(online: Network, target: Network, b: SimpleNamespace) -> torch.Tensor:
        with torch.no_grad():
            p = target(b.next_rows).softmax(2)
            chooser = online(b.next_rows).softmax(2) if double else p
            best = (chooser @ torch.from_numpy(Z)).argmax(1)
            m = torch.tensor(np.array([
                algorithm_1(one.numpy(), float(r), float(gamma), Z)
                for one, r, gamma in zip(p[b.i, best], b.r, b.gamma, strict=True)
            ]))  # fmt: skip
        log_p = online(b.rows)[b.i, b.a].log_softmax(1)
        divergence = torch.nn.functional.kl_div(log_p, m, reduction="none").sum(1)
        return (b.w * divergence).mean()

    slopes = check_update(
        learner(double=double, dueling=dueling, noisy=False), loss, dueling=dueling
    )
    assert (slopes.errors >= 0).all()


def test_without_its_parts_it_is_dqn() -> None:
    check_update(learner(**OFF), test_dqn.loss)
    rainbow, dqn = learner(**OFF), test_dqn.learner(buffer_size=100)
    assert np.array_equal(rainbow.online.parameters, dqn.online.parameters)
    for _ in range(3):
        rainbow.update(batch_of(), 0.5)
        dqn.update(batch_of(), 0.5)
    assert np.array_equal(rainbow.online.parameters, dqn.online.parameters)


def test_with_noise_alone_it_is_noisy_dqn() -> None:
    rainbow = learner(**OFF | {"noisy": True})
    noisy = test_noisy_dqn.learner(buffer_size=100)
    assert np.array_equal(rainbow.online.parameters, noisy.online.parameters)
    for _ in range(3):
        rainbow.update(batch_of(), 0.5)
        noisy.update(batch_of(), 0.5)
    assert np.array_equal(rainbow.online.parameters, noisy.online.parameters)


def test_each_part_can_be_left_out() -> None:
    rainbow = learner()
    assert rainbow.online.noise is not None
    assert rainbow.online.streams is not None
    assert rainbow.row() == (4, 5)
    assert rainbow.epsilon(1.0) == 0
    replay = rainbow.make_replay(2)
    assert isinstance(replay, PrioritizedReplay)
    assert (replay.n_step, replay.alpha) == (3, 0.5)
    assert learner(noisy=False).online.noise is None
    assert learner(noisy=False).epsilon(1.0) == 1
    assert learner(dueling=False).online.streams is None
    assert learner(distributional=False).row() == (4,)
    assert type(learner(prioritized=False).make_replay(2)) is Replay
    assert learner(n_steps=1).make_replay(2).n_step == 1


@pytest.mark.parametrize("double", [False, True])
def test_the_networks_have_noise_of_their_own_in_each_role_and_each_update(double: bool) -> None:
    rainbow, used = learner(double=double), []

    def watched(network: Any, name: str) -> Any:
        act = getattr(network, name)

        def watching(rows: np.ndarray) -> np.ndarray:
            used.append(network.noise.weights.copy())
            return act(rows)

        return watching

    for network in (rainbow.online, rainbow.target):
        network.infer, network.forward = watched(network, "infer"), watched(network, "forward")
    for _ in range(2):
        rainbow.slopes(batch_of())
    assert len(used) == (6 if double else 4)  # to say what is worth what, to choose, to learn
    assert len({weights.tobytes() for weights in used}) == len(used)


def test_it_explores_by_its_weights_alone() -> None:
    rainbow, calm = learner(), learner(sigma=1e-6)
    row = np.ones((1, 3), np.float32)
    assert len({int(rainbow.explore(row, 1.0)[0]) for _ in range(200)}) == 4
    assert len({int(calm.explore(row, 1.0)[0]) for _ in range(50)}) == 1


@pytest.mark.parametrize(("remaining", "beta"), [(1.0, 0.4), (0.5, 0.7), (0.0, 1.0)])
def test_weights_come_to_make_up_for_all_of_the_bias(remaining: float, beta: float) -> None:
    rainbow = remembering(batch_size=8)
    rainbow.replay.update_priorities(np.arange(12), np.arange(1.0, 13.0))
    (batch,) = rainbow.batches(1, remaining)
    P = rainbow.replay._sums.get(np.arange(12))
    assert batch.weights == pytest.approx((P[batch.indices] / P.min()) ** -beta, rel=1e-5)
    assert batch.weights.std() > 0.05


def test_divergences_become_priorities() -> None:
    rainbow = remembering(alpha=1.0, batch_size=8)
    (batch,) = rainbow.batches(1, 1.0)
    slopes = rainbow.slopes(batch)
    rainbow.learnt(batch, slopes)
    last = {int(i): float(error) for i, error in zip(batch.indices, slopes.errors, strict=True)}
    found = rainbow.replay._sums.get(np.array(list(last)))
    assert found == pytest.approx(np.array(list(last.values())) + 1e-6, rel=1e-5)
    assert max(last.values()) > 0.01
