"""Running statistics against those of all rows at once."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from zoo import ZooError
from zoo.agents.preprocess import Preprocess
from zoo_torch.configuration import Normalize
from zoo_torch.normalization import ObservationNormalizer, RewardScaler, RunningMoments


def test_moments_are_those_of_all_rows_whatever_the_batches() -> None:
    rows = np.random.default_rng(0).normal(3, 2, (1000, 4))
    moments = RunningMoments((4,))
    for start, stop in ((0, 1), (1, 50), (50, 1000)):
        moments.update(rows[start:stop])
    assert moments.mean == pytest.approx(rows.mean(0), rel=1e-5)
    assert moments.var == pytest.approx(rows.var(0), rel=1e-4)


def test_an_agent_s_steps_do_the_same_with_arrays_and_with_dicts() -> None:
    rng = np.random.default_rng(0)
    box = spaces.Box(-9, 9, (2, 3), np.float32)
    batch = rng.normal(2, 3, (5, 2, 3)).astype(np.float32)
    for space, data in (
        (box, batch),
        (spaces.Dict({"a": box, "b": spaces.Discrete(2)}), {"a": batch, "b": np.zeros(5, int)}),
    ):
        keys = ["a"] if isinstance(data, dict) else None
        normalizer = ObservationNormalizer(Normalize(clip_obs=1.0, norm_obs_keys=keys), space)
        normalizer.update(data)
        found = normalizer(data)
        found = found["a"] if isinstance(found, dict) else found
        flatten = [("flatten", {"key": "a"}), ("concatenate", {"keys": ["a"]})] if keys else [
            ("flatten", {})
        ]  # fmt: skip
        same = Preprocess([*normalizer.steps(), *flatten])(data)
        assert found.dtype == np.float32
        assert np.abs(found).max() == 1.0
        assert np.array_equal(found.reshape(5, -1), same)


def test_rewards_are_divided_by_the_deviation_of_discounted_sums() -> None:
    scaler = RewardScaler(Normalize(clip_reward=1000.0), gamma=0.5)
    scaler.begin(np.zeros(2, np.bool_))
    no = np.zeros(2, np.bool_)
    scaler(np.array([1.0, 3.0]), no)
    scaler(np.array([2.0, 2.0]), np.array([True, False]))
    found = scaler(np.array([4.0, -8.0]), no)
    # sums: (1, 3), (2.5, 3.5), then (0 + 4, 1.75 - 8)
    seen = np.array([1, 3, 2.5, 3.5, 4, -6.25])
    assert found == pytest.approx(np.array([4.0, -8.0]) / seen.std(), rel=1e-3)


@pytest.mark.parametrize(
    ("space", "keys", "said"),
    [
        (spaces.Discrete(3), None, "cannot normalise observations from Discrete"),
        (spaces.Box(0, 1), ["a"], "norm_obs_keys is for Dict"),
        (spaces.Dict({"pos": spaces.Box(0, 1)}), ["poss"], "Did you mean pos"),
    ],
)
def test_what_cannot_be_normalised_is_refused(space, keys, said: str) -> None:
    with pytest.raises(ZooError, match=said):
        ObservationNormalizer(Normalize(norm_obs_keys=keys), space)
