from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.actors import balancer
from zoo import evaluate
from zoo.hub.card import card, card_files
from zoo.storage.bundle import Bundle, attach, save_bundle

CURVE = b"steps,mean_return,ci95_low,ci95_high\n100,20,18,22\n200,300,250,350\n"


def bundle(path: Path, *, kwargs: dict[str, Any] | None = None, **files: bytes) -> Bundle:
    return save_bundle(
        path,
        balancer(0.1, 0.5, 2, 2),
        algorithm="ours",
        plugin="test",
        versions={"numpy": "2.0", "gymnasium": "1.4"},
        config={"gamma": 0.5, "note": "a|b", "nested": {"sizes": [64, 64]}},
        environment={"id": "CartPole-v1", "kwargs": kwargs or {}, "wrappers": []},
        training={"steps": 5, "seed": 3, "n_envs": 2, "commit": None, "device": "a|b"},
        files={name.replace("_", "."): content for name, content in files.items()},
    )


def evaluation(**more: Any) -> bytes:
    found = evaluate(balancer(0.1, 0.5, 2, 2), "CartPole-v1", episodes=5, seed=4)
    return json.dumps(found.to_json() | more).encode()


def front_matter(text: str) -> dict[str, Any]:
    assert text.startswith("---\n")
    return YAML(typ="safe", pure=True).load(text.split("---\n")[1])


def test_the_metadata_is_what_the_hub_reads(tmp_path: Path) -> None:
    metadata = front_matter(card(bundle(tmp_path / "a", evaluation_json=evaluation())))
    assert metadata["library_name"] == "agent-zoo"
    assert {"CartPole-v1", "deep-reinforcement-learning", "reinforcement-learning"} <= set(
        metadata["tags"]
    )
    (entry,) = metadata["model-index"]
    (result,) = entry["results"]
    assert result["task"]["type"] == "reinforcement-learning"
    assert result["dataset"] == {"name": "CartPole-v1", "type": "CartPole-v1"}
    (metric,) = result["metrics"]
    assert metric["type"] == "mean_reward"
    assert metric["value"] == "500.00 +/- 0.00"  # the leaderboard splits exactly this


def test_the_card_says_how_to_use_and_to_repeat_it(tmp_path: Path) -> None:
    text = card(bundle(tmp_path / "a", kwargs={"sutton_barto_reward": True}))
    assert "zoo enjoy ours/CartPole-v1\n" in text
    assert 'zoo.load("ours/CartPole-v1")' in text
    assert (
        "zoo train --algo ours --env CartPole-v1 --seed 3 --n-envs 2 "
        "--env-kwargs '{\"sutton_barto_reward\": true}'\n"
    ) in text
    config = text.split("```yaml\n")[1].split("```")[0]
    loaded = YAML(typ="safe", pure=True).load(config)
    assert loaded == {"gamma": 0.5, "note": "a|b", "nested": {"sizes": [64, 64]}}
    assert "| gymnasium | 1.4 |\n| numpy | 2.0 |" in text
    assert r"| device | a\|b |" in text
    assert "commit" not in text


def test_the_evaluation_stands_with_its_interval_and_seeds(tmp_path: Path) -> None:
    run = {
        "seed": 7, "steps": 5, "validation_mean_return": 480.0, "mean_return": 470.0,
        "ci95_return": [460.0, 475.0],
    }  # fmt: skip
    text = card(bundle(tmp_path / "a", evaluation_json=evaluation(runs=[run, run | {"seed": 8}])))
    assert "| 95 % bootstrap interval | 500.00 to 500.00 |" in text
    assert "| episodes | 5 |\n| seed of the episodes | 4 |\n| actions | deterministic |" in text
    assert "2 trainings by the same recipe" in text
    assert "| 7 | 480.00 | 470.00 | 460.00 to 475.00 |\n| 8 |" in text
    assert "success rate" not in text


@pytest.mark.parametrize("content", [b"{}", b'{"mean_return": 5}', None])
def test_without_an_evaluation_nothing_is_claimed(tmp_path: Path, content: bytes | None) -> None:
    files = {} if content is None else {"evaluation_json": content}
    text = card(bundle(tmp_path / "a", **files))
    assert "model-index" not in front_matter(text)
    assert "## Evaluation" not in text


def test_pictures_are_shown_where_they_are(tmp_path: Path) -> None:
    plain = bundle(tmp_path / "a")
    assert "![" not in card(plain)
    assert card_files(plain).keys() == {"README.md"}
    made = bundle(tmp_path / "b", curve_csv=CURVE, replay_mp4=b"film")
    files = card_files(made)
    assert files["curve.svg"].startswith(b"<svg")
    assert "(curve.svg)" in files["README.md"].decode()
    assert "(replay.mp4)" in files["README.md"].decode()
    done = attach(made, files)
    done.verify()
    assert card(done).encode() == files["README.md"]
    assert attach(done, card_files(done)).digest == done.digest  # once more changes nothing
