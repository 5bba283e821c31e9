"""A manifest is believed only when all of it has the right form."""

from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.storage.manifest import WEIGHTS, check_manifest, is_file_name

MANIFEST = {
    "format_version": 1,
    "algorithm": "q-learning",
    "plugin": "tabular",
    "versions": {},
    "config": {},
    "environment": {"id": "Taxi-v4"},
    "observation_space": {},
    "action_space": {},
    "agent": {"kind": "table", "description": {}},
    "training": {},
    "files": {WEIGHTS: {"sha256": "0" * 64, "size": 8}},
}
PATH = Path("somewhere/agent.json")


def test_a_whole_manifest_passes():
    check_manifest(MANIFEST, PATH)


def test_facts_that_this_version_does_not_know_are_passed_over():
    check_manifest(MANIFEST | {"license": "MIT"}, PATH)


@pytest.mark.parametrize("key", MANIFEST)
@pytest.mark.parametrize("value", [None, 0, "", [], "missing"])
def test_each_key_is_needed_and_of_its_type(key, value):
    changed = {k: v for k, v in MANIFEST.items() if k != key}
    if value != "missing":
        changed[key] = value
    if isinstance(value, str) and value != "missing" and isinstance(MANIFEST[key], str):
        check_manifest(changed, PATH)
        return
    with pytest.raises(ZooError, match=r"somewhere/agent.json is damaged: .*[Ff]etch"):
        check_manifest(changed, PATH)


@pytest.mark.parametrize("value", [None, [], 1, "x"])
def test_other_values_are_no_manifest(value):
    with pytest.raises(ZooError, match="no format_version"):
        check_manifest(value, PATH)


def test_names_of_files_stay_in_the_directory():
    good = ["README.md", "a", "weights.safetensors", "replay-2.mp4", "_x"]
    bad = ["", ".", "..", "../x", "/x", "a/b", "a\\b", ".x", "-x", "a b", "a\n", "é", "agent.json"]
    assert [name for name in good + bad if is_file_name(name)] == good
