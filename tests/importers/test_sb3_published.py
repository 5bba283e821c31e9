"""Published agents act as policies of SB3 do that are rebuilt from the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.importers.published import FOLDERS, needs_published
from zoo.foreign.records import Name
from zoo.importers.rlzoo_folder import read_folder
from zoo.importers.sb3_model import Model, read_model
from zoo.importers.sb3_statistics import read_statistics

pytestmark = needs_published
N = 1000


def names(folder: Path) -> str:
    return f"{folder.parent.name}-{folder.name}"


def rebuilt(model: Model) -> Any:
    """Return SB3's own policy with the model's numbers in it."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("stable_baselines3")
    from sb3_contrib.ars.policies import ARSLinearPolicy, ARSPolicy

    from zoo_sb3.policy_agent import ALGORITHMS

    kwargs = {key: value for key, value in model.kwargs.items() if "optimizer" not in key}
    kwargs.pop("device", None)
    if isinstance(kwargs.get("activation_fn"), Name):
        kwargs["activation_fn"] = getattr(torch.nn, kwargs["activation_fn"].name)
    if isinstance(kwargs.get("net_arch"), list) and isinstance(kwargs["net_arch"][0], dict):
        kwargs["net_arch"] = kwargs["net_arch"][0]
    spaces = model.observation_space, model.action_space
    tensors = {name: torch.from_numpy(array) for name, array in model.tensors.items()}
    if model.family == "ars":
        cls = ARSLinearPolicy if "Linear" in model.policy_class.name else ARSPolicy
        policy = cls(*spaces, **kwargs)
        tensors = {k.replace("net.weight", "net.0.weight"): v for k, v in tensors.items()}
    else:
        if model.facts.get("use_sde"):
            kwargs["use_sde"] = True
        algorithm = next(a for a in ALGORITHMS.values() if a.__name__.lower() == model.algorithm)
        kind = "MultiInputPolicy" if hasattr(spaces[0], "spaces") else "MlpPolicy"
        policy = algorithm.policy_aliases[kind](*spaces, lambda _: 0.0, **kwargs)
    policy.load_state_dict(tensors, strict=True)
    return policy


def observations(space: Any, moments: Any, rng: np.random.Generator) -> np.ndarray:
    if moments is not None:
        mean, var = moments
        return (mean + 2 * np.sqrt(var) * rng.normal(size=(N, *mean.shape))).astype(space.dtype)
    return rng.uniform(np.maximum(space.low, -3), np.minimum(space.high, 3), (N, *space.shape))


@pytest.mark.parametrize("folder", FOLDERS, ids=names)
def test_acts_like_sb3(folder: Path, tmp_path: Path) -> None:
    bundle, _ = zoo.import_agent(folder, tmp_path / "agent")
    agent = bundle.agent()
    found = read_folder(folder)
    model = read_model(found.model)
    statistics = found.statistics and read_statistics(found.statistics)
    policy = rebuilt(model)
    rng = np.random.default_rng(0)
    moments = statistics.moments if statistics else {}
    own = model.observation_space
    if hasattr(own, "spaces"):
        raw: Any = {k: observations(s, moments.get(k), rng) for k, s in own.spaces.items()}
        seen: Any = {k: normalized(raw[k], moments.get(k), statistics) for k in raw}
    else:
        raw = observations(own, moments.get(None), rng).astype(own.dtype)
        seen = normalized(raw, moments.get(None), statistics)
    expected = policy.predict(seen, deterministic=True)[0]
    actions = agent.act(raw)
    assert len(np.unique(expected.reshape(N, -1), axis=0)) > 1, "the policy always does the same"
    if actions.dtype.kind == "i":
        assert np.mean(actions == expected) > 0.998  # ties are broken by the last bit
    else:
        np.testing.assert_allclose(actions, expected, rtol=1e-4, atol=1e-4)


def normalized(x: np.ndarray, moments: Any, statistics: Any) -> np.ndarray:
    if moments is None:
        return x
    scaled = (x - moments[0]) / np.sqrt(moments[1] + statistics.epsilon)
    return np.clip(scaled, -statistics.clip, statistics.clip).astype(np.float32)


def test_all_are_imported(tmp_path: Path) -> None:
    for folder in FOLDERS:
        bundle, _ = zoo.import_agent(folder, tmp_path / names(folder))
        assert bundle.kind == "mlp"


def test_what_is_normalised_is_not_imported_without_statistics(tmp_path: Path) -> None:
    import shutil

    folder = next(f for f in FOLDERS if names(f) == "ppo-HalfCheetah-v3_1")
    copy = tmp_path / folder.name
    shutil.copytree(folder, copy)
    statistics = copy / "HalfCheetah-v3" / "vecnormalize.pkl"
    moved = statistics.rename(tmp_path / "moved.pkl")
    with pytest.raises(zoo.ZooError, match="trained on normalised observations"):
        zoo.import_agent(copy, tmp_path / "agent")
    zoo.import_agent(copy, tmp_path / "agent", statistics=moved)
    zoo.import_agent(copy, tmp_path / "agent", allow_missing_statistics=True)
