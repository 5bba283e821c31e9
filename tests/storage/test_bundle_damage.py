"""Bundles: every kind of damage is refused in one line."""

import hashlib
import json
import os

import numpy as np
import pytest

from tests.storage.bundles import mlp, refusal, refusal_without_hint
from zoo.agents.mlp import MLPAgent
from zoo.storage import bundle as module
from zoo.storage.bundle import MANIFEST, WEIGHTS, attach, open_bundle

pytestmark = pytest.mark.usefixtures("no_plugins")


def test_there_is_no_agent(tmp_path):
    assert "is no agent" in refusal(lambda: open_bundle(tmp_path))
    assert "is no agent" in refusal(lambda: open_bundle(tmp_path / "absent"))
    (tmp_path / "file").touch()
    assert "is no agent" in refusal(lambda: open_bundle(tmp_path / "file"))


def test_every_changed_byte_is_noticed(saved):
    for name in saved.files:
        path = saved.path / name
        whole = path.read_bytes()
        for position in range(0, len(whole), 11):
            path.write_bytes(
                whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :]
            )
            assert f"{path} is damaged: its SHA-256" in refusal(open_bundle(saved.path).agent)
        path.write_bytes(whole)
    assert open_bundle(saved.path).agent().kind == "mlp"


@pytest.mark.parametrize("name", [WEIGHTS, "README.md"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes, not the"),
        (lambda path: path.write_bytes(b""), "it has 0 bytes"),
        (lambda path: path.write_bytes(path.read_bytes() + b"x"), "bytes, not the"),
        (lambda path: path.unlink(), "it is missing"),
        (lambda path: (path.unlink(), path.mkdir()), "it is no plain file"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "it is no plain file"),
        (lambda path: (path.rename(path.parent.parent / "x"), path.symlink_to("../x")), "it is no plain file"),  # noqa: E501
        (lambda path: path.rename(path.parent / "other.bin"), "other.bin is damaged: agent.json does not list it"),  # noqa: E501
    ],
    ids=["cut", "emptied", "longer", "removed", "directory", "pipe", "link", "renamed"],
)  # fmt: skip
def test_a_file_that_is_not_as_listed(saved, name, damage, message):
    damage(saved.path / name)
    text = refusal(open_bundle(saved.path).agent)
    assert message in text
    assert text.endswith("Fetch or train the agent again")


@pytest.mark.parametrize("name", ["extra.txt", "evil.py", "weights.pkl"])
def test_an_extra_file_is_refused(saved, name):
    (saved.path / name).touch()
    assert f"{name} is damaged: agent.json does not list it" in refusal(saved.verify)


def test_an_extra_directory_is_refused(saved):
    (saved.path / "sub").mkdir()
    assert "does not list it" in refusal(saved.verify)


def test_hidden_files_of_other_tools_are_passed_over(saved):
    (saved.path / ".gitattributes").touch()
    assert saved.agent().kind == "mlp"


def change_manifest(bundle, change):
    value = json.loads((bundle.path / MANIFEST).read_text())
    change(value)
    (bundle.path / MANIFEST).write_text(json.dumps(value))


DIGEST = {"sha256": "0" * 64, "size": 0}


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.clear(),
        lambda m: m.pop("format_version"),
        lambda m: m.update(format_version="1"),
        lambda m: m.update(format_version=True),
        lambda m: m.update(format_version=0),
        lambda m: m.pop("algorithm"),
        lambda m: m.update(algorithm=["sb3-ppo"]),
        lambda m: m.update(environment={}),
        lambda m: m.update(environment={"id": 3}),
        lambda m: m.update(agent={}),
        lambda m: m.update(agent={"kind": 1, "description": {}}),
        lambda m: m.update(agent={"kind": "mlp", "description": []}),
        lambda m: m.update(files=[]),
        lambda m: m.update(files={}),
        lambda m: m["files"].pop(WEIGHTS),
        lambda m: m["files"].update({"../../etc/passwd": DIGEST}),
        lambda m: m["files"].update({"/etc/passwd": DIGEST}),
        lambda m: m["files"].update({"..": DIGEST}),
        lambda m: m["files"].update({"a/b": DIGEST}),
        lambda m: m["files"].update({"a\\b": DIGEST}),
        lambda m: m["files"].update({"a\0b": DIGEST}),
        lambda m: m["files"].update({".tmp-x": DIGEST}),
        lambda m: m["files"].update({"": DIGEST}),
        lambda m: m["files"].update({MANIFEST: DIGEST}),
        lambda m: m["files"].update({"x" * 200: DIGEST}),
        lambda m: m["files"].update({"x": None}),
        lambda m: m["files"].update({"x": DIGEST | {"size": -1}}),
        lambda m: m["files"].update({"x": DIGEST | {"size": True}}),
        lambda m: m["files"].update({"x": DIGEST | {"size": 1.0}}),
        lambda m: m["files"].update({"x": DIGEST | {"sha256": "0" * 63}}),
        lambda m: m["files"].update({"x": DIGEST | {"sha256": "Z" * 64}}),
    ],
)
def test_a_damaged_manifest_is_refused_when_it_is_opened(saved, change):
    change_manifest(saved, change)
    text = refusal(lambda: open_bundle(saved.path))
    assert f"{saved.path / MANIFEST} is damaged: " in text


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"format_version": NaN}', b"[" * 100_000,
        b'{"format_version": 1, "format_version": 1}',
    ],
)  # fmt: skip
def test_a_manifest_that_is_no_manifest_is_refused(saved, data):
    (saved.path / MANIFEST).write_bytes(data)
    assert str(saved.path / MANIFEST) in refusal(lambda: open_bundle(saved.path))


def test_every_cut_of_the_manifest_is_refused(saved):
    whole = (saved.path / MANIFEST).read_bytes()
    for length in range(0, len(whole) - 1, 9):
        (saved.path / MANIFEST).write_bytes(whole[:length])
        refusal(lambda: open_bundle(saved.path))


def test_a_huge_manifest_is_not_read(saved, monkeypatch):
    monkeypatch.setattr(module, "_MAX_MANIFEST", 100)
    assert "too large" in refusal(lambda: open_bundle(saved.path))


def test_a_manifest_that_is_a_link_is_refused(saved):
    (saved.path / MANIFEST).rename(saved.path / "x")
    (saved.path / MANIFEST).symlink_to("x")
    assert "no plain file" in refusal(lambda: open_bundle(saved.path))


def test_a_newer_format_says_upgrade(saved):
    change_manifest(saved, lambda m: (m.clear(), m.update(format_version=2)))
    text = refusal(lambda: open_bundle(saved.path))
    assert "was written by a newer zoo (format 2, this one reads 1). Upgrade with: pip" in text


def test_an_unknown_kind_gets_a_suggestion(saved):
    change_manifest(saved, lambda m: m["agent"].update(kind="mpl"))
    assert "mlp" in refusal(open_bundle(saved.path).agent)


def test_a_kind_is_never_an_import_path(saved):
    change_manifest(saved, lambda m: m["agent"].update(kind="os:system"))
    assert "os:system" in refusal(open_bundle(saved.path).agent)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["agent"].update(description={}),
        lambda m: m["agent"].update(kind="table"),
        lambda m: m["observation_space"].update(shape=[4]),
        lambda m: m["observation_space"].update(type="Box2"),
        lambda m: m.update(action_space={"type": "Discrete", "n": 3, "start": 0, "dtype": "int64"}),
        lambda m: m.update(action_space={"type": "Dict", "spaces": []}),
    ],
)
def test_parts_that_do_not_fit_are_refused_when_the_agent_is_made(saved, change):
    change_manifest(saved, change)
    refusal_without_hint(open_bundle(saved.path).agent)


def test_a_kind_that_raises_is_explained(saved, monkeypatch):
    def restore(*args):
        raise RuntimeError("size mismatch")

    monkeypatch.setattr(MLPAgent, "restore", restore)
    assert "a mlp agent cannot be made of it: RuntimeError('size mismatch')" in refusal(saved.agent)


def test_nan_that_was_written_elsewhere_is_not_loaded(saved, monkeypatch):
    import safetensors.numpy

    tensors = mlp().tensors() | {"layers.1.bias": np.array([np.nan, 0], np.float32)}
    data = safetensors.numpy.save(tensors)
    (saved.path / WEIGHTS).write_bytes(data)
    entry = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    change_manifest(saved, lambda m: m["files"].update({WEIGHTS: entry}))
    assert "NaN in 'layers.1.bias'" in refusal(open_bundle(saved.path).agent)


def test_an_evaluation_that_is_no_object_is_refused(saved):
    bundle = attach(saved, {"evaluation.json": b"[1]"})
    assert "no JSON object" in refusal(lambda: bundle.evaluation)


@pytest.mark.parametrize(
    "content",
    [
        {"ci95_return": 5},
        {"ci95_return": None},
        {"ci95_return": ["x"]},
        {"ci95_return": [1, 2, 3]},
        {"ci95_return": [1, True]},
        {"ci95_return": [1, 10**400]},
        {"mean_return": "1"},
        {"mean_return": None},
        {"mean_return": 10**400},
        {"episodes": [1]},
        {"success_rate": {}},
    ],
    ids=lambda content: str(content)[:30],
)
def test_an_evaluation_whose_measures_are_no_numbers_is_refused(saved, content):
    bundle = attach(saved, {"evaluation.json": json.dumps(content).encode()})
    assert f"evaluation.json is damaged: {next(iter(content))} is no" in refusal(
        lambda: bundle.evaluation
    )


def test_measures_may_be_missing_and_success_unknown(saved):
    content = {"ci95_return": [1, 2.5], "episodes": 3, "success_rate": None, "extra": ["x"]}
    bundle = attach(saved, {"evaluation.json": json.dumps(content).encode()})
    assert bundle.evaluation == content
