"""The recurrent agent: memory by hand, equality with torch, bundles, and what it refuses."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from gymnasium import spaces

from zoo import ZooError
from zoo.agents.heads import Categorical, Linear
from zoo.agents.layers import Layer
from zoo.agents.lstm import LSTM
from zoo.agents.preprocess import Preprocess
from zoo.agents.reading import Reading
from zoo.agents.recurrent import RecurrentAgent
from zoo.storage.bundle import open_bundle, save_bundle

BOX, MEANS = spaces.Box(-9, 9, (3,), np.float32), spaces.Box(-99, 99, (2,), np.float32)
FLAT = [("flatten", {})]


def lstm(inputs: int = 3, units: int = 4) -> LSTM:
    rng = np.random.default_rng(0)
    return LSTM(
        rng.normal(size=(4 * units, inputs)), rng.normal(size=(4 * units, units)),
        rng.normal(size=4 * units),
    )  # fmt: skip


def make(actions: spaces.Space = MEANS, **changes) -> RecurrentAgent:
    layers = [Layer(np.random.default_rng(1).normal(size=(2, 4)), [0.1, -0.1])]
    parts = {"layers": layers, "head": Linear() if actions is MEANS else Categorical()}
    memory = changes.pop("lstm", lstm())
    return RecurrentAgent(
        BOX, actions, Reading(BOX, (), Preprocess(FLAT)), memory, **parts | changes
    )


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(*shape, 3)).astype(np.float32)


def test_a_memory_by_hand() -> None:
    # gates wide open but for the input's, which the first number of the observation opens, and
    # the forget gate's, which the second one closes: it remembers the sign of the third
    weights = np.zeros((4, 3))
    weights[0, 0], weights[1, 1], weights[2, 2] = 100, -200, 100
    memory = LSTM(weights, np.zeros((4, 1)), [-50, 100, 0, 100])
    agent = make(
        lstm=memory, layers=[Layer([[1]])], head=Categorical(), actions=spaces.MultiBinary(1)
    )
    steps = [([1, 0, 1], 1), ([0, 0, -1], 1), ([0, 0, 0], 1), ([0, 1, 0], 0), ([1, 0, -1], 0)]
    for observation, expected in steps:
        assert agent.act(np.array([observation], np.float32)).tolist() == [[expected]]


def test_it_acts_as_torch_s_cell_does() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    agent, seen = make(), drawn(6, 5)
    cell = torch.nn.LSTMCell(3, 4)
    with torch.no_grad():
        cell.weight_ih.copy_(torch.from_numpy(agent.lstm.weight_ih))
        cell.weight_hh.copy_(torch.from_numpy(agent.lstm.weight_hh))
        cell.bias_ih.copy_(torch.from_numpy(agent.lstm.bias))
        cell.bias_hh.zero_()
        state = None
        for t in range(6):
            state = cell(torch.from_numpy(seen[t]), state)
            weight, bias = agent.layers[0].weight, agent.layers[0].bias
            expected = state[0].numpy() @ weight.T + bias
            np.testing.assert_allclose(agent.act(seen[t]), expected, atol=1e-5)


def test_rows_forget_one_by_one_or_all_at_once() -> None:
    seen = drawn(2, 3)
    fresh = make().act(seen[1])
    agent = make()
    agent.act(seen[0])
    agent.reset(np.array([False, True, False]))
    then = agent.act(seen[1])
    assert np.array_equal(then[1], fresh[1])
    assert (then[[0, 2]] != fresh[[0, 2]]).all()
    agent.reset()
    assert np.array_equal(agent.act(seen[1]), fresh)
    agent.act(drawn(1, 2)[0])  # another batch
    assert np.array_equal(agent.act(seen[1]), fresh)
    assert np.array_equal(make().act(seen[1]), fresh)  # nothing of the trial at the start is left


def test_predict_resets_where_an_episode_starts() -> None:
    agent, seen = make(), drawn(2, 2)
    agent.predict(seen[0], deterministic=True)
    then, _ = agent.predict(seen[1], episode_start=np.array([True, False]), deterministic=True)
    fresh, _ = make().predict(seen[1], deterministic=True)
    assert np.array_equal(then[0], fresh[0])
    assert not np.array_equal(then[1], fresh[1])


def test_a_bundle_gives_the_same_agent_back_with_an_empty_memory(tmp_path) -> None:
    agent, seen = make(spaces.Discrete(2)), drawn(4, 3)
    agent.act(seen[0])
    save_bundle(tmp_path / "a", agent, algorithm="recurrent-ppo", plugin="zoo", versions={},
                config={}, environment={"id": "X-v0"}, training={})  # fmt: skip
    bundle = open_bundle(tmp_path / "a")
    loaded = bundle.agent()
    assert (bundle.kind, type(loaded)) == ("recurrent", RecurrentAgent)
    agent.reset()
    for t in range(4):
        for deterministic in (True, False):
            assert np.array_equal(
                loaded.act(seen[t], deterministic=deterministic),
                agent.act(seen[t], deterministic=deterministic),
            )
    program = f"""
import sys, numpy as np
from zoo.storage.bundle import open_bundle
agent = open_bundle({str(tmp_path / "a")!r}).agent()
print(agent.act(np.zeros((2, 3), np.float32)).shape, "torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "(2,) False"


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda: make(lstm=lstm(inputs=4)), "do not fit"),
        (lambda: make(lstm=lstm(units=5)), "do not fit"),
        (lambda: LSTM(np.zeros((8, 3)), np.zeros((8, 3)), np.zeros(8)), "LSTM do not fit"),
        (lambda: LSTM(np.zeros((6, 3)), np.zeros((6, 1)), np.zeros(6)), "LSTM do not fit"),
        (lambda: LSTM(np.zeros(8), np.zeros((8, 2)), np.zeros(8)), "LSTM do not fit"),
        (lambda: LSTM(np.zeros((8, 3)), np.zeros((8, 2)), np.zeros((8, 1))), "LSTM do not fit"),
        (lambda: Reading(BOX), "has to read something"),
    ],
)
def test_what_does_not_fit_is_refused(act, said: str) -> None:
    with pytest.raises(ZooError, match=said):
        act()


@pytest.mark.parametrize("missing", ["lstm.bias", "layers.0.weight"])
def test_missing_and_unused_weights_are_refused(missing: str) -> None:
    agent = make()
    tensors = agent.tensors()
    with pytest.raises(ZooError, match="does not use"):
        RecurrentAgent.restore(
            agent.describe(), tensors | {"lstm.bias_hh": np.zeros(16)}, BOX, MEANS
        )
    del tensors[missing]
    with pytest.raises(ZooError, match="do not fit"):
        RecurrentAgent.restore(agent.describe(), tensors, BOX, MEANS)
