from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.config.yamlfile import YamlFile, load_yaml, parse_value
from zoo.errors import ZooError


def load(tmp_path: Path, text: str) -> YamlFile:
    path = tmp_path / "recipe.yml"
    path.write_text(text, encoding="utf-8")
    return load_yaml(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3e-4", 3e-4),
        ("1e6", 1e6),
        ("!!float 1e6", 1e6),
        ("!!float 5", 5.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("1_000_000", 1_000_000),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("-7", -7),
        ("no", "no"),
        ("'3'", "3"),
        ("True", True),
        ("false", False),
        ("~", None),
        ("lin_1e-3", "lin_1e-3"),
        ("2020-01-01", "2020-01-01"),
        ("[64, 64]", [64, 64]),
        ("{pi: [1], vf: []}", {"pi": [1], "vf": []}),
        ("{1: a}", {"1": "a"}),
        ("", None),
    ],
)
def test_values_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    read = parse_value(text, "here")
    assert read == value
    assert type(read) is type(value)


def test_every_value_has_the_line_where_it_was_written(tmp_path: Path) -> None:
    file = load(tmp_path, "a:\n  b: 1\n  c:\n    - 2\n    - d: 3\n")
    lines = {keys: line for keys, line in file.lines.items() if keys}
    assert lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 3,
        ("a", "c", 0): 4,
        ("a", "c", 1): 5,
        ("a", "c", 1, "d"): 5,
    }
    assert file.where("a", "c", 9).endswith("recipe.yml:3")


def test_merged_keys_keep_the_line_of_their_text_and_the_nearest_wins(tmp_path: Path) -> None:
    file = load(
        tmp_path,
        "a: &a\n  x: 1\n  y: 1\nb: &b\n  <<: *a\n  y: 2\nc:\n  y: 3\n  <<: *b\n"
        "d:\n  <<: [*a, *b]\ne: *b\n",
    )
    assert file.data["b"] == {"x": 1, "y": 2}
    assert file.data["c"] == {"x": 1, "y": 3}
    assert file.data["d"] == {"x": 1, "y": 1}
    assert file.data["e"] == file.data["b"]
    assert file.lines["c", "x"] == 2
    assert file.lines["c", "y"] == 8


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a:\n  b: !!python/object/apply:os.system [ls]\n", 2, "a: the tag !!python"),
        ("a:\n  b: !ours 3\n", 2, "a: the tag !ours"),
        ("a: !!binary aGk=\n", 1, "a: the tag !!binary"),
        ("a: !!set {x, y}\n", 1, "a: the tag !!set"),
        ("a:\n  b: 1\n  b: 2\n", 3, "a: key 'b' is written twice"),
        ("a: 1\nb: 2\na: 3\n", 3, "key 'a' is written twice"),
        ("a: &x\n  b: *x\n", 1, "a: an anchor contains itself"),
        ("a: &x\n  <<: *x\n", 2, "a: << must name another mapping"),
        ("a:\n  <<: 3\n", 2, "a: << must name another mapping"),
        ("a:\n  [1, 2]: 3\n", 2, "a: a key must be a word"),
        ("a: !!int x\n", 1, "a: 'x' is not a YAML int"),
        ("a: !!bool maybe\n", 1, "a: "),
        ("a: [1\n", 2, "not valid YAML"),
        ("a: *nowhere\n", 1, "not valid YAML"),
        ("a: 1\n---\nb: 2\n", 2, "not valid YAML"),
        ("a:\n\t- b\n", 2, "not valid YAML"),
    ],
)
def test_what_is_not_plain_data_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, what: str
) -> None:
    with pytest.raises(ZooError) as refusal:
        load(tmp_path, text)
    assert f"recipe.yml:{line}: {what}" in refusal.value.message
    assert "\n" not in str(refusal.value)


def bomb(kind: str) -> str:
    names = "abcdefghij"
    if kind == "lists":
        lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
        lines += [f"{y}: &{y} [{', '.join([f'*{x}'] * 9)}]" for x, y in pairwise(names)]
    else:
        lines = ["a: &a {k: 1}"]
        lines += [f"{y}: &{y} {{<<: [{', '.join([f'*{x}'] * 9)}]}}" for x, y in pairwise(names)]
    return "\n".join(lines)


@pytest.mark.parametrize("kind", ["lists", "merges"])
def test_anchors_cannot_expand_without_end(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ZooError, match="anchors expand to more than 100000 values"):
        load(tmp_path, bomb(kind))


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000])
def test_endless_nesting_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ZooError):
        load(tmp_path, text)


def test_files_that_cannot_be_recipes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="cannot read"):
        load_yaml(tmp_path / "absent.yml")
    with pytest.raises(ZooError, match="cannot read"):
        load_yaml(tmp_path)
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ZooError, match="UTF-8"):
        load_yaml(tmp_path / "binary.yml")
    (tmp_path / "huge.yml").write_bytes(b"# \n" * 400_000)
    with pytest.raises(ZooError, match="more than 1000000 bytes"):
        load_yaml(tmp_path / "huge.yml")


@given(st.text(max_size=40) | st.text("[]{}:-&*!<'\"|> \n\tab1", max_size=40))
def test_whatever_the_text_is_there_is_a_value_or_one_line_of_error(text: str) -> None:
    try:
        parse_value(text, "here")
    except ZooError as error:
        refusal = str(error)
    else:
        return
    assert refusal.startswith("here: ")
    assert "\n" not in refusal


def test_names_are_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(tmp_path, "a: 1").where("a") == "recipe.yml:1"
    monkeypatch.chdir("/")
    assert load(tmp_path, "a: 1").where("a").endswith("recipe.yml:1")
