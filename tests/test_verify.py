"""`zoo.verify`: whole files, an honest claim, a false one, and what is written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import zoo
from tests.actors import balancer, saved
from zoo import Bundle, LocalHub, ZooError
from zoo.hub.verdicts import verdict_on
from zoo.verify import CONFIRMED, REFUTED, UNCLAIMED

FALLS = (0.0, -0.2, 1.0, 0.5)  # gains of an agent that drops the pole after a while


def claiming(path: Path, claim: dict[str, object] | None, *gains: float) -> Bundle:
    """Save a CartPole-v1 agent that claims what an evaluation.json says."""
    files = {} if claim is None else {"evaluation.json": json.dumps(claim).encode()}
    return saved(path, balancer(*gains), "CartPole-v1", files=files)


@pytest.fixture
def honest(tmp_path: Path) -> Bundle:
    bundle = claiming(tmp_path / "plain", None, *FALLS)
    claim = zoo.evaluate(bundle, episodes=40, seed=3).to_json()
    return claiming(tmp_path / "honest", claim, *FALLS)


def test_an_honest_claim_is_confirmed_on_other_episodes(honest: Bundle) -> None:
    found = zoo.verify(honest, episodes=40)
    assert found.outcome == CONFIRMED
    assert found.intervals_overlap
    assert found.claimed_return == honest.evaluation["mean_return"]  # type: ignore[index]
    assert found.mean_return != found.claimed_return
    assert found.ci95_return[0] <= found.claimed_return <= found.ci95_return[1]  # type: ignore
    assert found.seed == 10_003
    assert found.versions.keys() >= {"agent-zoo", "gymnasium", "numpy"}
    assert found.claimed_versions == found.versions


def test_a_false_claim_is_not(tmp_path: Path) -> None:
    boast = {"mean_return": 500.0, "ci95_return": [500.0, 500.0], "episodes": 100}
    found = zoo.verify(claiming(tmp_path / "boast", boast, 0, 0, 1, 0), episodes=10)
    assert found.outcome == REFUTED
    assert found.intervals_overlap is False
    assert found.mean_return < 450


def test_without_a_claim_there_is_nothing_to_confirm(tmp_path: Path) -> None:
    found = zoo.verify(claiming(tmp_path / "modest", None, *FALLS), episodes=3)
    assert (found.outcome, found.claimed_return) == (UNCLAIMED, None)


def test_a_damaged_file_gets_no_verdict(honest: Bundle) -> None:
    weights = honest.path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(ZooError, match=r"weights\.safetensors is damaged"):
        zoo.verify(honest, episodes=2)
    assert verdict_on(honest.digest) is None


def test_the_verdict_is_kept_beside_the_agent_and_changes_it_not(honest: Bundle) -> None:
    found = zoo.verify(honest, episodes=5, seed=7)
    kept = verdict_on(honest.digest)
    assert kept == json.loads(json.dumps(found.to_json()))
    assert kept["versions"]["gymnasium"]  # type: ignore[index]
    assert kept["seed"] == 7  # type: ignore[index]
    zoo.push(honest, "walker")  # the hub was made by the verdict
    assert LocalHub().get("walker").digest == honest.digest
    LocalHub().get("walker").verify()
    assert verdict_on("0" * 64) is None
