"""What the algorithms make of a rollout."""

from __future__ import annotations

import numpy as np
import pytest

from zoo_policy_gradient.samples import explained_variance, few, samples_of
from zoo_torch.distributions import Categorical
from zoo_torch.rollout import Rollout


def test_samples_are_in_the_order_of_the_rows() -> None:
    floats = np.float32([[1, 2], [3, 4]])
    rollout = Rollout(
        rows=np.zeros((4, 1), np.float32), actions=np.array([0, 1, 1, 0]), rewards=floats,
        dones=np.array([[True, True], [True, True]]), values=0.5 * floats,
        last_values=np.zeros(2, np.float32),
    )  # fmt: skip
    pi = Categorical(np.log(np.float32([[0.5, 0.5], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]])))
    found = samples_of(rollout, pi, gamma=0.9, lambda_=0.8)
    assert found["advantages"].tolist() == [0.5, 1, 1.5, 2]  # r - V, as all episodes end at once
    assert found["returns"].tolist() == [1, 2, 3, 4]
    assert np.exp(found["log_probs"]) == pytest.approx([0.5, 0.8, 0.3, 0.4])


def test_explained_variance_is_1_for_the_returns_themselves_and_0_for_a_constant() -> None:
    returns = np.float32([1, 2, 6])
    for values, expected in ((returns, 1.0), (np.ones(3, np.float32), 0.0), (2 * returns, 0.0)):
        assert explained_variance({"returns": returns, "values": values}) == pytest.approx(expected)
    alike = {"returns": np.ones(3, np.float32), "values": returns}
    assert np.isnan(explained_variance(alike))


@pytest.mark.parametrize(("most", "left"), [(20, 10), (10, 10), (9, 5), (4, 4), (1, 1)])
def test_a_few_samples_are_spread_over_all(most: int, left: int) -> None:
    samples = {"rows": np.arange(20).reshape(10, 2), "values": np.arange(10)}
    found = few(samples, most)
    steps = np.diff(found["values"])
    assert len(found["values"]) == left <= most
    assert found["values"][0] == 0
    assert np.all(steps == steps[:1])
    assert np.array_equal(found["rows"][:, 0], 2 * found["values"])
