"""Imports `.cleanrl_model` files of CleanRL's common scripts: dqn, c51, ppo,
ppo_continuous_action, ddpg, td3 and sac (https://github.com/vwxyzjn/cleanrl).

The names of the layers tell the script, and each script has one architecture.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zoo.agents.heads import (
    Categorical,
    Deterministic,
    DiagonalGaussian,
    Distributional,
    Head,
    QValue,
    SquashedGaussian,
)
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.agents.preprocess import Preprocess, Step, standard_steps
from zoo.errors import ZooError
from zoo.exchange import Imported, Importer, ImportRequest
from zoo.foreign import torch_file
from zoo.foreign.archive import Archive
from zoo.foreign.arrays import NotPlain, explained, npy
from zoo.importers import environment
from zoo.storage.files import explain

SUFFIX = ".cleanrl_model"
_EPSILON = 0.05  # of the scripts' own evaluation
_LOG_STD = (-5.0, 2.0)
_CLIP = 10.0
_MAX_BYTES = 1 << 30
_RUN = re.compile(r"(?P<env>.+?-v\d+)(?:__.*|-.*-seed\d+)")
Tensors = Mapping[str, np.ndarray]


class CleanRLImporter(Importer):
    """Reads a `.cleanrl_model` file, or the run's directory or repository that holds one."""

    def recognises(self, path: Path) -> bool:
        return path.suffix == SUFFIX if path.is_file() else any(path.glob(f"*{SUFFIX}"))

    def read(self, path: Path, request: ImportRequest) -> Imported:
        model = _find(path)
        with explain(model, "read"):
            if model.stat().st_size > _MAX_BYTES:
                raise ZooError(f"{model} is too large", "Is it the right file?")
            data = model.read_bytes()
        script, tensors = _acting(torch_file.read(data, str(model)), str(model))
        config, observations, actions, notes = environment.find(
            request, _env_of_run(model), str(model)
        )
        try:
            layers, head = script.read(tensors)
        except (KeyError, IndexError) as error:
            raise ZooError(f"{model} lacks {error}, which CleanRL's {script.name} has") from error
        steps, more = _normalization(script, request, observations)
        agent = MLPAgent(observations, actions, layers, head, Preprocess(steps))
        return Imported(
            agent=agent,
            algorithm=request.algorithm or f"cleanrl-{script.name}",
            environment=config.to_json(),
            notes=(*notes, *more),
        )


class _Script(NamedTuple):
    """A script of CleanRL: the layer by which its models are known, and their reader."""

    name: str
    sign: str
    read: Callable[[Tensors], tuple[list[Layer], Head]]


def _sequence(tensors: Tensors, prefix: str, activation: str) -> list[Layer]:
    """Return `prefix.0`, `prefix.2` ... with activations between them."""
    names = [name for name in tensors if re.fullmatch(rf"{prefix}\.\d+\.weight", name)]
    names.sort(key=lambda name: int(name.split(".")[1]))
    found = [_layer(tensors, name.removesuffix(".weight"), activation) for name in names]
    if not found:
        raise KeyError(f"{prefix}.0.weight")
    return [*found[:-1], Layer(found[-1].weight, found[-1].bias)]


def _layer(tensors: Tensors, name: str, activation: str = "identity") -> Layer:
    return Layer(tensors[f"{name}.weight"], tensors[f"{name}.bias"], activation)


def _dqn(tensors: Tensors) -> tuple[list[Layer], Head]:
    return _sequence(tensors, "network", "relu"), QValue(epsilon=_EPSILON)


def _c51(tensors: Tensors) -> tuple[list[Layer], Head]:
    head = Distributional(atoms=tensors["atoms"], epsilon=_EPSILON)
    return _sequence(tensors, "network", "relu"), head


def _ppo(tensors: Tensors) -> tuple[list[Layer], Head]:
    return _sequence(tensors, "actor", "tanh"), Categorical()


def _ppo_continuous(tensors: Tensors) -> tuple[list[Layer], Head]:
    head = DiagonalGaussian(log_std=tensors["actor_logstd"].ravel())
    return _sequence(tensors, "actor_mean", "tanh"), head


def _deterministic(tensors: Tensors) -> tuple[list[Layer], Head]:
    hidden = [_layer(tensors, name, "relu") for name in ("fc1", "fc2")]
    return [*hidden, _layer(tensors, "fc_mu")], Deterministic()


def _sac(tensors: Tensors) -> tuple[list[Layer], Head]:
    hidden = [_layer(tensors, name, "relu") for name in ("fc1", "fc2")]
    low, high = _LOG_STD
    head = SquashedGaussian(_layer(tensors, "fc_logstd"), low=low, high=high, smooth=True)
    return [*hidden, _layer(tensors, "fc_mean")], head


_SCRIPTS = (
    _Script("c51", "atoms", _c51),
    _Script("dqn", "network.0.weight", _dqn),
    _Script("ppo_continuous_action", "actor_mean.0.weight", _ppo_continuous),
    _Script("ppo", "actor.0.weight", _ppo),
    _Script("sac_continuous_action", "fc_logstd.weight", _sac),
    _Script("ddpg_continuous_action", "fc_mu.weight", _deterministic),
)
_TD3 = _Script("td3_continuous_action", "fc_mu.weight", _deterministic)


def _acting(value: Any, where: str) -> tuple[_Script, Tensors]:
    """Return the script that wrote a file, and the numbers of the network that acts.

    ddpg writes a pair of actor and critic, td3 and sac write two critics; c51 writes a
    dictionary with its weights and its arguments.
    """
    parts = value if isinstance(value, list) else [value]
    first = parts[0] if parts else None
    if isinstance(first, dict) and isinstance(first.get("model_weights"), dict):
        first = first["model_weights"]
    numbers = first if isinstance(first, dict) else {}
    tensors = {name: item for name, item in numbers.items() if isinstance(item, np.ndarray)}
    for script in _SCRIPTS:
        if script.sign in tensors:
            if any(array.ndim > 2 for array in tensors.values()):
                raise ZooError(
                    f"{where} reads images, which only SB3's models can be imported with",
                    "Export the network to ONNX yourself, or train the agent with the zoo",
                )
            is_td3 = script.name.startswith("ddpg") and len(parts) > 2
            return (_TD3 if is_td3 else script), tensors
    raise ZooError(
        f"{where} has none of the networks of CleanRL's common scripts",
        "Known are: dqn, c51, ppo, ppo_continuous_action, ddpg, td3, sac",
    )


def _find(path: Path) -> Path:
    if path.is_file():
        return path
    models = sorted(path.glob(f"*{SUFFIX}"))
    if len(models) != 1:
        listed = ", ".join(model.name for model in models[:5]) or "none"
        raise ZooError(f"{path} needs one {SUFFIX} file, it has {listed}", "Give a file's path")
    return models[0]


def _env_of_run(model: Path) -> str | None:
    """Return the environment in the name of a run, such as CartPole-v1__dqn__1__1690000000, or
    of a repository, such as CartPole-v1-dqn-seed1."""
    match = _RUN.fullmatch(model.resolve().parent.name)
    return match["env"] if match else None


def _normalization(
    script: _Script, request: ImportRequest, observations: Any
) -> tuple[list[Step], list[str]]:
    """Return the preprocessing, and what is to be said about it."""
    steps = standard_steps(observations)
    if request.statistics is not None:
        mean, var = _moments(request.statistics)
        normal = {"mean": mean, "var": var, "epsilon": 1e-8, "clip": _CLIP}
        return [("normalize", normal), *steps], []
    if script.name == "ppo_continuous_action":
        return steps, [
            "CleanRL's ppo_continuous_action normalises observations and does not save how: "
            "give their mean and var as an .npz file with --statistics"
        ]
    return steps, []


def _moments(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the arrays `mean` and `var` of an `.npz` file, float64."""
    with Archive(path) as archive:
        try:
            mean, var = (
                npy(archive.read(f"{name}.npy")).astype(np.float64) for name in ("mean", "var")
            )
            if mean.shape != var.shape or not (np.isfinite(mean).all() and (var >= 0).all()):
                raise NotPlain("a mean and its variance do not fit each other")
        except NotPlain as error:
            raise explained(error, str(path)) from error
    return mean, var
