from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from zoo import ZooError
from zoo.hub.server.refusals import Refusal
from zoo.hub.server.tokens import Tokens, User, add_token, list_tokens, remove_token


def test_only_hashes_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    token = add_token(path, "ada", namespaces=["team"])
    assert token not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Tokens(path).user(f"Bearer {token}") == User("ada", True, ("team",))
    assert add_token(path, "bob") != token
    assert [entry["name"] for entry in list_tokens(path)] == ["ada", "bob"]


def test_what_a_token_may_do() -> None:
    everywhere, team = User("a", True), User("b", True, ("team",))
    reader = User("c", False)
    assert [user.writes("team") for user in (everywhere, team, reader)] == [True, True, False]
    assert [user.writes("else") for user in (everywhere, team, reader)] == [True, False, False]
    assert [user.sees("else") for user in (everywhere, team, reader)] == [True, False, True]


def test_unknown_and_revoked_tokens_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    token, kept = add_token(path, "ada"), add_token(path, "bob")
    tokens = Tokens(path)
    assert tokens.user(None) is None
    remove_token(path, "ada")
    assert tokens.user(f"bearer {kept}") == User("bob", True)
    for header in (f"Bearer {token}", f"Basic {kept}", "Bearer", "Bearer ", kept):
        with pytest.raises(Refusal, match="Invalid credentials"):
            tokens.user(header)


def test_one_token_may_stand_in_the_environment(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "absent.json", "a-long-enough-token")
    assert tokens.user("Bearer a-long-enough-token") == User("admin", True)
    with pytest.raises(ZooError, match="fewer than 16 characters"):
        Tokens(None, "short")
    assert not Tokens(None)


def test_mistakes_are_told(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    add_token(path, "ada")
    with pytest.raises(ZooError, match="ada has a token already"):
        add_token(path, "ada")
    with pytest.raises(ZooError, match="cannot be a user's name"):
        add_token(path, "a b")
    with pytest.raises(ZooError, match="cannot be a namespace"):
        add_token(path, "bob", namespaces=["team/walker"])
    with pytest.raises(ZooError, match="Did you mean ada"):
        remove_token(path, "adda")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", json.dumps({"format_version": 1, "tokens": [{"name": "ada"}]})]
)
def test_a_damaged_file_lets_nobody_in(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(content)
    with pytest.raises(ZooError):
        Tokens(path)
