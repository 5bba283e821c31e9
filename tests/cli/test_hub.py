"""The commands of the hub do what Python does, print JSON, and end with the right exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.actors import balancer, run_of, saved, walker
from zoo import LocalHub
from zoo.hub.references import find

Zoo = Callable[..., Result]


def parsed(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def mine(zoo_command: Zoo, tmp_path: Path) -> str:
    """Return the path of an agent, in the directory where commands run."""
    claim = {"mean_return": 12.5, "ci95_return": [12.0, 13.0], "episodes": 9}
    files = {"evaluation.json": json.dumps(claim).encode()}
    saved(tmp_path / "mine", walker(1), "FrozenLake-v1", files=files)
    return "mine"


def test_an_agent_is_pushed_found_shown_and_pulled(zoo_command: Zoo, mine: str) -> None:
    planned = parsed(zoo_command("push", mine, "team/walker", "--dry-run", "--json"))
    assert planned["revision"] == ""
    pushed = parsed(zoo_command("push", mine, "team/walker", "--json"))
    assert pushed["revision"] == find(mine).digest
    assert pushed["tags"] == ["v1", "latest"]
    assert "nothing new" in zoo_command("push", mine, "team/walker").stdout
    (found,) = parsed(zoo_command("search", "team/walker", "--min-return", "12", "--json"))
    assert (found["ref"], found["mean_return"]) == ("team/walker", 12.5)
    assert parsed(zoo_command("search", "team/walker", "--min-return", "13", "--json")) == []
    assert "team/walker" in zoo_command("search", "--env", "FrozenLake-v1").stdout
    assert parsed(zoo_command("search", "--algo", "theirs", "--json")) == []
    shown = parsed(zoo_command("models", "show", "team/walker@v1", "--json"))
    assert shown["digest"] == pushed["revision"]
    pulled = parsed(zoo_command("pull", "team/walker", "-o", "out", "--json"))
    assert (pulled["path"], pulled["digest"]) == ("out", pushed["revision"])
    assert find("out").digest == pushed["revision"]


def test_a_run_of_another_directory_is_pushed(
    zoo_command: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("ZOO_RUNS", str(tmp_path / "elsewhere"))
        run_of("FrozenLake-v1", name="cold")
    assert zoo_command("push", "cold", "walker").exit_code == 1
    assert zoo_command("push", "cold", "walker", "--runs", "elsewhere").exit_code == 0
    assert LocalHub().get("walker").env_id == "FrozenLake-v1"


def test_versions_are_tagged_pinned_and_removed(
    zoo_command: Zoo, mine: str, tmp_path: Path
) -> None:
    saved(tmp_path / "other", walker(2), "FrozenLake-v1")
    for agent in (mine, "other"):
        assert zoo_command("push", agent, "walker").exit_code == 0
    assert zoo_command("models", "tag", "walker@v1", "best").exit_code == 0
    assert find("walker@best").digest == find(mine).digest
    assert zoo_command("models", "pin", "walker@best").exit_code == 0
    removed = zoo_command("models", "rm", "walker").stdout.splitlines()
    assert sorted(removed) == [f"removed walker@{tag}" for tag in ("best", "latest", "v1", "v2")]
    assert "deleted 1 agents and 2 files" in zoo_command("hub", "gc").stdout
    pinned = f"walker@sha256:{find(mine).digest}"
    assert parsed(zoo_command("models", "show", pinned, "--json"))["mean_return"] == 12.5
    assert zoo_command("models", "pin", pinned, "--release").exit_code == 0
    assert parsed(zoo_command("hub", "gc", "--dry-run", "--json"))["bundles"] == 1
    assert parsed(zoo_command("hub", "gc", "--json"))["bundles"] == 1
    assert zoo_command("models", "show", pinned).exit_code == 1
    for wrong in ("hf:a/b", f"walker@sha256:{'0' * 64}", "nobody"):
        assert zoo_command("models", "rm", wrong).exit_code == 1


def test_a_damaged_hub_is_told(zoo_command: Zoo, mine: str) -> None:
    zoo_command("push", mine, "walker", "--hub", "shared")
    assert parsed(zoo_command("hub", "verify", "--hub", "shared", "--json"))["problems"] == []
    weights = LocalHub("shared").get("walker").path / "weights.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    told = zoo_command("hub", "verify", "--hub", "shared")
    assert told.exit_code == 1
    assert "is damaged: its SHA-256 is not its name" in told.stdout
    assert "1 problems" in told.stdout
    assert zoo_command("hub", "verify", "--hub", mine).exit_code == 1
    assert zoo_command("hub", "path").stdout.strip() == str(LocalHub().root)


def test_a_claim_is_judged(zoo_command: Zoo, tmp_path: Path) -> None:
    boast = json.dumps({"mean_return": 600.0}).encode()
    files = {"evaluation.json": boast}
    saved(tmp_path / "boast", balancer(0.1, 0.5, 2, 2), "CartPole-v1", files=files)
    judged = zoo_command("verify", "boast", "-n", "3", "--json")
    assert judged.exit_code == 1
    assert json.loads(judged.stdout)["outcome"] == "not confirmed"
    assert "not confirmed" in zoo_command("models", "show", "boast").stdout
    honest = zoo_command("verify", "sb3-ppo/CartPole-v1", "-n", "3")
    assert honest.exit_code == 0, honest.output
    assert "confirmed" in honest.stdout


def test_a_project_locks_its_agents(zoo_command: Zoo, mine: str) -> None:
    zoo_command("push", mine, "walker")
    pins = parsed(zoo_command("lock", "walker", "--json"))
    assert pins == {"walker": {"digest": find(mine).digest, "source": ""}}
    assert find(mine).digest in zoo_command("lock").stdout
    (pulled,) = parsed(zoo_command("pull", "--locked", "--json"))
    assert pulled["digest"] == find(mine).digest
    assert zoo_command("pull", "--locked", "--file", "other.lock").exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [("pull",), ("pull", "x", "--locked"), ("pull", "--locked", "-o", "out"), ("push",)],
)
def test_wrong_usage_is_no_mistake_of_an_agent(
    zoo_command: Zoo, arguments: tuple[str, ...]
) -> None:
    assert zoo_command(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("push", "mine", "../x"), "cannot be the name of an agent"),
        (("pull", "hg:a/b"), "there is no hub 'hg'. Known hubs: hf"),
        (("push", "mine", "x", "--hub", "hff"), "Did you mean hf?"),
        (("search", "--hub", "nowhere"), "there is no hub 'nowhere'"),
        (("pull", "nobody"), "there is no agent 'nobody'"),
    ],
)
def test_mistakes_are_one_line(
    zoo_command: Zoo, mine: str, arguments: tuple[str, ...], message: str
) -> None:
    told = zoo_command(*arguments)
    assert told.exit_code == 1
    assert message in told.stderr
    assert len(told.stderr.splitlines()) == 1
