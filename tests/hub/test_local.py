"""The local hub: names lead to whole agents, versions stay, and damage is noticed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.actors import saved, walker
from zoo import Bundle, LocalHub, ZooError
from zoo.hub.local import default_root
from zoo.hub.upkeep import verify
from zoo.storage.bundle import open_bundle
from zoo.storage.manifest import MANIFEST

NAME = "team/walker"


@pytest.fixture
def hub(tmp_path: Path) -> LocalHub:
    return LocalHub(tmp_path / "hub")


@pytest.fixture
def bundles(tmp_path: Path) -> list[Bundle]:
    """Return three agents that differ."""
    return [
        saved(tmp_path / f"agent-{i}", walker(i), "FrozenLake-v1", files={"notes.txt": b"same"})
        for i in range(3)
    ]


def tags(hub: LocalHub, name: str = NAME) -> dict[str, str]:
    return {ref.tag: ref.digest for ref in hub.refs.tags(name)}


def test_what_was_pushed_comes_back_byte_for_byte(hub: LocalHub, bundles: list[Bundle]) -> None:
    pushed = hub.push(bundles[1], NAME)
    found = hub.get(NAME)
    assert found.digest == bundles[1].digest == pushed.revision == hub.resolve(NAME)
    for name in (*bundles[1].files, MANIFEST):
        assert (found.path / name).read_bytes() == (bundles[1].path / name).read_bytes()
    np.testing.assert_array_equal(found.agent().act(np.arange(16)), walker(1).act(np.arange(16)))


def test_each_push_of_another_agent_is_a_version(hub: LocalHub, bundles: list[Bundle]) -> None:
    zero, one, two = (bundle.digest for bundle in bundles)
    assert hub.push(bundles[0], NAME).tags == ("v1", "latest")
    assert hub.push(bundles[1], NAME).tags == ("v2", "latest")
    assert hub.push(bundles[1], NAME).tags == ("v2", "latest")
    assert hub.push(bundles[2], NAME, tag="good").tags == ("good", "latest")
    assert tags(hub) == {"v1": zero, "v2": one, "good": two, "latest": two}
    assert hub.push(bundles[0], NAME).tags == ("v1", "latest")
    assert hub.resolve(NAME) == zero
    hub.remove(NAME, "v2")
    assert hub.push(bundles[1], NAME, tag="v7").tags == ("v7", "latest")
    assert hub.push(saved(hub.root.parent / "x", walker(9), "Taxi-v4"), NAME).tags[0] == "v8"


def test_a_version_does_not_change(hub: LocalHub, bundles: list[Bundle]) -> None:
    hub.push(bundles[0], NAME, tag="v1")
    for dry_run in (True, False):
        with pytest.raises(ZooError, match="team/walker@v1 is another agent already"):
            hub.push(bundles[1], NAME, tag="v1", dry_run=dry_run)
    assert tags(hub) == {"v1": bundles[0].digest, "latest": bundles[0].digest}


def test_a_tag_moves_when_it_is_told_to(hub: LocalHub, bundles: list[Bundle]) -> None:
    hub.push(bundles[0], NAME)
    hub.push(bundles[1], NAME)
    hub.tag(NAME, "v1", "latest")
    assert hub.get(NAME).digest == bundles[0].digest
    with pytest.raises(ZooError, match=r"no tag 'v3'.*Its tags are: v1, v2, latest"):
        hub.tag(NAME, "v3", "best")
    with pytest.raises(ZooError, match="cannot be a tag"):
        hub.tag(NAME, "v1", "../v1")


def test_files_are_kept_once_and_a_dry_run_keeps_none(hub: LocalHub, bundles: list[Bundle]) -> None:
    planned = hub.push(bundles[0], NAME, dry_run=True)
    assert planned.uploaded == ("notes.txt", "weights.safetensors", MANIFEST)
    assert planned.revision == ""
    assert not hub.root.exists()
    assert hub.push(bundles[0], NAME).uploaded == planned.uploaded
    assert hub.push(bundles[1], "other").unchanged == ("notes.txt",)
    notes = [hub.get(name).path / "notes.txt" for name in (NAME, "other")]
    assert os.path.samefile(*notes)
    assert len(list(hub.blobs.digests())) == 5


def test_removing_forgets_names_and_moves_latest_back(hub: LocalHub, bundles: list[Bundle]) -> None:
    for bundle in bundles:
        hub.push(bundle, NAME)
    assert [ref.tag for ref in hub.remove(NAME, "v3")] == ["v3"]
    assert hub.get(NAME).digest == bundles[1].digest
    hub.remove(NAME, "v1")
    assert hub.get(NAME).digest == bundles[1].digest
    assert {ref.tag for ref in hub.remove(NAME, "v2")} == {"v2", "latest"}
    assert list(hub.refs.names()) == []
    assert not (hub.refs.refs / "team").exists()
    with pytest.raises(ZooError, match="no agent 'team/walker'"):
        hub.remove(NAME)


def test_a_name_may_begin_like_another(hub: LocalHub, bundles: list[Bundle]) -> None:
    hub.push(bundles[0], "team")
    hub.push(bundles[1], "team/latest")
    hub.push(bundles[2], "team/latest/v1")
    assert [hub.get(name).digest for name in hub.refs.names()] == [b.digest for b in bundles]
    hub.remove("team/latest")
    assert hub.get("team/latest/v1").digest == bundles[2].digest


@pytest.mark.parametrize("name", ["../x", "/etc/x", r"a\b", "C:/x", "a/../../x", "", "a//b"])
def test_no_name_leads_out_of_the_hub(
    hub: LocalHub, bundles: list[Bundle], name: str, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    for refused in (
        lambda: hub.push(bundles[0], name),
        lambda: hub.push(bundles[0], name, dry_run=True),
        lambda: hub.push(bundles[0], NAME, tag=name or "/"),
        lambda: hub.add(bundles[0], name),
        lambda: hub.get(name),
    ):
        with pytest.raises(ZooError, match="cannot be"):
            refused()
    assert [p for p in tmp_path.rglob("*") if p not in before and "hub" not in p.parts] == []
    assert list(hub.refs.all()) == []


def test_unknown_names_are_told_with_suggestions(hub: LocalHub, bundles: list[Bundle]) -> None:
    hub.push(bundles[0], NAME)
    with pytest.raises(ZooError, match=r"no agent 'team/wolker'.*Did you mean team/walker\?"):
        hub.get("team/wolker")
    with pytest.raises(ZooError, match=r"no tag 'x'.*Its tags are: latest, v1"):
        hub.get(NAME, "x")


def test_the_directory_of_a_bundle_can_be_made_anew(hub: LocalHub, bundles: list[Bundle]) -> None:
    hub.push(bundles[0], NAME)
    path = hub.get(NAME).path
    hub.shelf.remove(bundles[0].digest)
    assert not path.exists()
    assert hub.get(NAME).path == path
    hub.get(NAME).verify()


def test_pushing_again_heals_what_was_damaged(hub: LocalHub, bundles: list[Bundle]) -> None:
    hub.push(bundles[0], NAME)
    found = hub.get(NAME)
    weights = found.path / "weights.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00")  # the blob, being the same file
    with pytest.raises(ZooError, match=r"weights\.safetensors is damaged"):
        hub.get(NAME).agent()
    hub.push(bundles[0], NAME)
    hub.get(NAME).verify()
    (found.path / "notes.txt").unlink()
    (found.path / "notes.txt").write_bytes(b"sane")
    hub.push(bundles[0], NAME)
    hub.get(NAME).verify()


def test_a_disk_without_hard_links_gets_copies(
    hub: LocalHub, bundles: list[Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no hard links")

    monkeypatch.setattr(os, "link", refuse)
    for _ in range(2):
        hub.push(bundles[0], NAME)
        hub.get(NAME).verify()
    copy = hub.get(NAME).path / "notes.txt"
    assert not os.path.samefile(copy, hub.blobs.path(bundles[0].files["notes.txt"]["sha256"]))
    copy.write_bytes(b"sane")
    assert "not those of its blobs" in verify(hub).problems[0]
    hub.push(bundles[0], NAME)
    hub.get(NAME).verify()


@pytest.mark.parametrize("damage", ["extra", "missing", "changed", "link", "omitted"])
def test_a_bundle_that_is_not_what_its_manifest_lists_is_refused(
    hub: LocalHub, bundles: list[Bundle], damage: str, tmp_path: Path
) -> None:
    folder = bundles[0].path
    if damage == "extra":
        (folder / "more.txt").write_bytes(b"x")
    elif damage == "missing":
        (folder / "notes.txt").unlink()
    elif damage == "changed":
        (folder / "notes.txt").write_bytes(b"sane")
    elif damage == "link":
        (tmp_path / "secret").write_bytes(b"same")
        (folder / "notes.txt").unlink()
        (folder / "notes.txt").symlink_to(tmp_path / "secret")
    else:
        text = (folder / MANIFEST).read_text()
        (folder / MANIFEST).write_text(text.replace('"notes.txt"', '"other.txt"'))
    with pytest.raises(ZooError) as caught:
        hub.push(open_bundle(folder), NAME)
    assert "\n" not in str(caught.value)
    assert list(hub.refs.all()) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"size": 4', '"size": NaN'),
        ('"size": 4', '"size": 4, "size": 4'),
        ('"size": 4', '"size": ' + "9" * 5000),
        ('"size": 4', '"size": -4'),
        ('"size": 4', '"size": 4.0'),
        ('"notes.txt"', '"../notes.txt"'),
        ('"notes.txt"', '"/etc/passwd"'),
        ('"format_version": 1', '"format_version": 1e999'),
    ],
)
def test_a_manifest_with_tricks_is_refused(
    hub: LocalHub, bundles: list[Bundle], old: str, new: str
) -> None:
    path = bundles[0].path / MANIFEST
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ZooError) as caught:
        hub.push(open_bundle(path.parent), NAME)
    assert "\n" not in str(caught.value)
    assert not hub.root.exists()


def test_a_bundle_that_changes_after_it_was_opened_is_refused(
    hub: LocalHub, bundles: list[Bundle]
) -> None:
    saved(bundles[0].path, walker(5), "FrozenLake-v1", files={"notes.txt": b"same"})
    with pytest.raises(ZooError, match="damaged"):
        hub.push(bundles[0], NAME)
    assert list(hub.refs.all()) == []


def test_a_directory_with_other_files_does_not_become_a_hub(
    bundles: list[Bundle], tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(ZooError, match="is no hub and not empty"):
        LocalHub(tmp_path / "home").push(bundles[0], NAME)
    with pytest.raises(ZooError, match="is no directory"):
        LocalHub(tmp_path / "home" / "letter.txt").push(bundles[0], NAME)
    assert os.listdir(tmp_path / "home") == ["letter.txt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [('{"format": 99}', "newer zoo"), ("{}", "names no format"), ("{", "not valid JSON")],
)
def test_a_hub_of_another_format_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "hub.json").write_text(content)
    with pytest.raises(ZooError, match=message):
        LocalHub(tmp_path)


def test_a_damaged_file_of_tags_is_told(hub: LocalHub, bundles: list[Bundle]) -> None:
    hub.push(bundles[0], NAME)
    path = hub.refs.refs / NAME / "@tags"
    for text in ('{"latest": {"digest": "x"}}', "[]", '{"../x": {}}', '{"a": 1, "a": 1}'):
        path.write_text(text)
        with pytest.raises(ZooError, match="@tags"):
            hub.get(NAME)


def test_where_the_hub_lies_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_root() == tmp_path / "hub"  # $ZOO_HUB, which every test has
    monkeypatch.delenv("ZOO_HUB")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert LocalHub().root == tmp_path / "data" / "agent-zoo" / "hub"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert LocalHub().root == tmp_path / ".local" / "share" / "agent-zoo" / "hub"


def test_one_local_hub_gives_to_another(
    hub: LocalHub, bundles: list[Bundle], tmp_path: Path
) -> None:
    hub.push(bundles[0], NAME)
    hub.push(bundles[1], NAME)
    other = LocalHub(tmp_path / "other")
    assert hub.pull(NAME, "v1", other).digest == bundles[0].digest
    assert hub.pull(NAME, bundles[1].digest, other).digest == bundles[1].digest
    assert other.get(NAME).digest == bundles[1].digest
    with pytest.raises(ZooError, match="no agent"):
        hub.pull("nobody", None, other)
