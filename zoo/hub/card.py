"""The card of a bundle: what a person reads first, with the metadata that hubs index."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml import YAML

from zoo.hub.curve import curve_svg
from zoo.plugin.registry import get_registry
from zoo.storage import spaces
from zoo.storage.bundle import Bundle

CARD, CURVE, PICTURE, VIDEO = "README.md", "curve.csv", "curve.svg", "replay.mp4"
_SCORES = ("mean_return", "std_return", "ci95_return", "episodes")
"""What an evaluation must have to be shown: a bundle's may be by another hand."""


def card_files(bundle: Bundle, ref: str = "") -> dict[str, bytes]:
    """Return the files to attach to `bundle`: its card, and its learning curve as a picture.

    `ref` is where the agent is published, such as `hf:team/walker`; the card says how to pull it.
    """
    curve = bundle.read(CURVE).decode(errors="replace") if CURVE in bundle.files else ""
    picture = curve_svg(curve, f"Mean return of {bundle.algorithm} on {bundle.env_id}")
    files = {} if picture is None else {PICTURE: picture.encode()}
    return {CARD: _text(bundle, {*bundle.files, *files}, ref).encode(), **files}


def card(bundle: Bundle, ref: str = "") -> str:
    """Return `README.md` for `bundle`: YAML metadata, usage, scores, recipe, versions.

    The metadata is what the Hugging Face Hub reads: the environment's id among the tags and
    the score as `mean +/- deviation` put the agent on its leaderboard.
    """
    return _text(bundle, set(bundle.files), ref)


def _text(bundle: Bundle, files: set[str], ref: str) -> str:
    evaluation = bundle.evaluation or {}
    if not all(key in evaluation for key in _SCORES):
        evaluation = {}
    parts = [
        f"---\n{_yaml(_metadata(bundle, evaluation))}---",
        f"# {bundle.algorithm} on {bundle.env_id}",
        _introduction(bundle),
        *([_video(ref)] if VIDEO in files else []),
        "## Use it",
        *_usage(bundle, ref),
        *(["## Evaluation", *_evaluation(evaluation)] if evaluation else []),
        "## Training",
        *([f"![Learning curve]({PICTURE})"] if PICTURE in files else []),
        *_training(bundle),
        "## Versions",
        _table(("package", "version"), sorted(bundle.manifest["versions"].items())),
    ]
    return "\n\n".join(parts) + "\n"


def _metadata(bundle: Bundle, evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the front matter (https://huggingface.co/docs/hub/model-cards)."""
    metadata: dict[str, Any] = {
        "library_name": "agent-zoo",
        "tags": [
            bundle.env_id,
            "deep-reinforcement-learning",
            "reinforcement-learning",
            "agent-zoo",
            bundle.algorithm,
        ],
    }
    if not evaluation:
        return metadata
    score = f"{evaluation['mean_return']:.2f} +/- {evaluation['std_return']:.2f}"
    metric = {"type": "mean_reward", "value": score, "name": "mean_reward", "verified": False}
    result = {
        "task": {"type": "reinforcement-learning", "name": "reinforcement-learning"},
        "dataset": {"name": bundle.env_id, "type": bundle.env_id},
        "metrics": [metric],
    }
    return metadata | {"model-index": [{"name": bundle.algorithm, "results": [result]}]}


def _introduction(bundle: Bundle) -> str:
    spec = get_registry().algorithms.get(bundle.algorithm)
    summary = f": {spec.summary.rstrip('.')}" if spec is not None else ""
    return (
        f"An agent for the environment `{bundle.env_id}`, trained with `{bundle.algorithm}`"
        f"{summary}. It is data, JSON and safetensors: loading it runs no code of its own."
    )


def _video(published: str) -> str:
    """Show the video where a page can; the Hugging Face Hub shows `replay.mp4` beside the card."""
    return f"[The agent acting]({VIDEO})" if published else f"![The agent acting]({VIDEO})"


def _usage(bundle: Bundle, published: str) -> tuple[str, str]:
    ref = published or f"{bundle.algorithm}/{bundle.env_id}"
    pull = f"zoo pull {ref}\n" if published else ""
    shell = (
        f"```sh\npip install agent-zoo\n{pull}"
        f"zoo enjoy {ref}\nzoo eval {ref}\nzoo record {ref} -o replay.mp4\n```"
    )
    python = (
        "```python\nimport zoo\n\n"
        + (f'zoo.pull("{ref}")\n' if published else "")
        + f'agent = zoo.load("{ref}")  # or the path of this directory\n'
        "actions = agent.act(observations)  # a batch of observations, (n, ...)\n"
        "print(zoo.evaluate(agent).mean_return)\n```"
    )
    return shell, python


def _evaluation(evaluation: Mapping[str, Any]) -> list[str]:
    low, high = evaluation["ci95_return"]
    rows = [
        ("mean return", f"{evaluation['mean_return']:.2f}"),
        ("95 % bootstrap interval", f"{low:.2f} to {high:.2f}"),
        ("standard deviation", f"{evaluation['std_return']:.2f}"),
    ]
    for key, name in (
        ("median_return", "median"),
        ("iqm_return", "interquartile mean"),
        ("mean_length", "mean length"),
    ):
        if key in evaluation:
            rows.append((name, f"{evaluation[key]:.2f}"))
    if evaluation.get("success_rate") is not None:
        rows.append(("success rate", f"{evaluation['success_rate']:.0%}"))
    rows.append(("episodes", f"{evaluation['episodes']}"))
    if "seed" in evaluation:
        rows.append(("seed of the episodes", f"{evaluation['seed']}"))
    if "deterministic" in evaluation:
        rows.append(("actions", "deterministic" if evaluation["deterministic"] else "stochastic"))
    return [_table(("measure", "value"), rows), *_seeds(evaluation.get("runs") or ())]


def _seeds(runs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the scores of all trainings that this agent was chosen from."""
    rows = [
        (
            f"{run['seed']}",
            f"{run['validation_mean_return']:.2f}",
            f"{run['mean_return']:.2f}",
            "{:.2f} to {:.2f}".format(*run["ci95_return"]),
        )
        for run in runs
    ]
    if not rows:
        return []
    heading = ("training seed", "mean on validation episodes", "mean on fresh ones", "95 %")
    said = (
        f"{len(rows)} trainings by the same recipe; the one that did best on validation "
        "episodes is this agent, and all were then evaluated on fresh episodes:"
    )
    return [said, _table(heading, rows)]


def _training(bundle: Bundle) -> list[str]:
    manifest = bundle.manifest
    environment, training = bundle.environment, manifest["training"]
    facts: dict[str, Any] = {
        "observations": spaces.from_json(manifest["observation_space"]),
        "actions": spaces.from_json(manifest["action_space"]),
        "environment arguments": environment.get("kwargs"),
        "wrappers": ", ".join(name for name, _ in environment.get("wrappers") or ()),
        "plugin": manifest["plugin"],
        **training,
    }
    rows = [(name, str(value)) for name, value in facts.items() if value not in (None, "", {})]
    parts = [_table(("fact", "value"), rows)]
    parts += ["Train another one by the recipe of today:", f"```sh\n{_command(bundle)}\n```"]
    if manifest["config"]:
        parts += ["This one's config was:", f"```yaml\n{_yaml(manifest['config'])}```"]
    return parts


def _command(bundle: Bundle) -> str:
    words = ["zoo", "train", "--algo", bundle.algorithm, "--env", bundle.env_id]
    training = bundle.manifest["training"]
    for key, option in (("seed", "--seed"), ("n_envs", "--n-envs")):
        if isinstance(training.get(key), int):
            words += [option, str(training[key])]
    if kwargs := bundle.environment.get("kwargs"):
        words += ["--env-kwargs", json.dumps(kwargs)]
    return shlex.join(words)


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: object) -> str:
    """Return a value as it can stand in a table of Markdown."""
    return " ".join(str(value).split()).replace("|", r"\|")


def _yaml(content: Mapping[str, Any]) -> str:
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    writer.dump(dict(content), text)
    return text.getvalue()
