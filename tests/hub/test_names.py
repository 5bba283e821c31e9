"""References come apart as written, and no name is a way out of the hub."""

from __future__ import annotations

import pytest

from zoo import ZooError
from zoo.hub.names import Reference, check_name, check_tag, is_name, parse


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("sb3-ppo/CartPole-v1", Reference("sb3-ppo/CartPole-v1")),
        ("team/walker@v3", Reference("team/walker", tag="v3")),
        ("hf:team/walker", Reference("team/walker", scheme="hf")),
        ("hf:team/walker@refs/pr/1", Reference("team/walker", scheme="hf", tag="refs/pr/1")),
        ("a@sha256:ABCDEF01", Reference("a", digest="abcdef01")),
        ("hf:a/b@sha256:abcdef01", Reference("a/b", scheme="hf", digest="abcdef01")),
        (r"C:\agents\mine", Reference(r"C:\agents\mine")),
        ("@v1", Reference("@v1")),
    ],
)
def test_a_reference_is_taken_apart(text: str, parts: Reference) -> None:
    assert parse(text) == parts


@pytest.mark.parametrize("digest", ["", "1234567", "xyzxyzxyz", "0" * 65])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(ZooError, match="no SHA-256 digest"):
        parse(f"a@sha256:{digest}")


@pytest.mark.parametrize(
    "name", ["walker", "sb3-ppo/ALE/Pong-v5", "Team_1/walker.v2", "a/b/c/d/e/f", "_"]
)
def test_these_are_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", "/", "a/", "/a", "a//b", ".", "..", "../x", "a/../b", "a/..", "./a", ".hidden", "a/.b",
        "/etc/passwd", "C:/x", "C:x", r"a\b", r"..\x", "a b", "a\n", "a\0b", "~", "@a", "a@b", "-a",
        "a.", "a/b.", "con", "a/NUL", "aux.txt", "COM1", "é", "a/b/c/d/e/f/g", "x" * 101, "a*",
        "$x",
    ],
)  # fmt: skip
def test_path_tricks_are_no_names(name: str) -> None:
    assert not is_name(name)
    for check in (check_name, check_tag):
        with pytest.raises(ZooError) as caught:
            check(name)
        assert "\n" not in str(caught.value)
