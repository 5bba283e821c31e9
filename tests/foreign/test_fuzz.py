"""The readers of foreign files, given anything: they answer, or raise a one-line `ZooError`.

Inputs are valid files with a few bytes changed, and pickles put together from opcodes at random.
`make fuzz` runs the same tests for longer: ZOO_FUZZ says how many examples each gets.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.errors import ZooError
from zoo.foreign import pickles, tagged_yaml, torch_file
from zoo.foreign.archive import Archive
from zoo.foreign.arrays import NotPlain, array, mapping, plain, state_of
from zoo.foreign.spaces import space
from zoo.storage import weights

EXAMPLES = int(os.environ.get("ZOO_FUZZ", "150"))
fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    database=None,
    derandomize="ZOO_FUZZ" not in os.environ,  # CI meets the same examples every time
)
ANYTHING = pickle.dumps(
    {
        "array": np.arange(6.0).reshape(2, 3),
        "scalar": np.float32(1.5),
        "numbers": [1, -(1 << 70), 2.5, None, True],
        "text": "é" * 10,
        "bytes": b"abc",
        "set": {1, 2},
        "call": slice(1, 2),
    },
    4,
)


def seeds() -> list[bytes]:
    """Return valid files of each kind."""
    found = [ANYTHING, *(pickle.dumps([np.ones(3), {"a": (1,)}], n) for n in range(6))]
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("archive/data.pkl", ANYTHING)
        file.writestr("archive/data/0", b"\0" * 16)
    found.append(inner.getvalue())
    found.append(weights.dumps({"a": np.ones((2, 2)), "b": np.zeros(3, np.int64)}))
    found.append(
        b"!!python/object/apply:collections.OrderedDict\n- - - a\n    - 1\n  - - b\n    - [x]"
    )
    try:
        import torch
    except ImportError:
        return found
    for new in (True, False):
        buffer = io.BytesIO()
        module = torch.nn.Linear(2, 2).state_dict()
        torch.save(module, buffer, _use_new_zipfile_serialization=new)
        found.append(buffer.getvalue())
    return found


@st.composite
def damaged(draw: Any) -> bytes:
    """Draw a valid file with a few of its bytes changed, put in, taken out or cut off."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["set", "insert", "delete", "cut", "copy"])):
            case "set" if data:
                data[at] = draw(st.integers(0, 255))
            case "insert":
                data[at:at] = draw(st.binary(max_size=12))
            case "delete":
                del data[at : at + draw(st.integers(1, 12))]
            case "cut" if draw(st.integers(0, 9)) == 0:
                del data[at:]
            case "copy":
                data[at:at] = data[at : at + draw(st.integers(1, 40))]
    return bytes(data)


SEEDS = seeds()
OPCODES = sorted(pickles._OPERATIONS)
ARGUMENTS = [
    b"", b"\x00", b"\x01", b"\x02", b"\xff", b"os\nsystem\n", b"numpy\ndtype\n", b"1\n",
    b"numpy.core.multiarray\n_reconstruct\n", b"X\x02\x00\x00\x00f4", b"'a'\n",
    b"\x04\x00\x00\x00abcd", b"\xff\xff\xff\xff", b"\xff" * 8, b"collections\nOrderedDict\n",
]  # fmt: skip
programs = st.lists(
    st.tuples(st.sampled_from(OPCODES), st.sampled_from(ARGUMENTS)), max_size=60
).map(lambda steps: b"".join(code + argument for code, argument in steps) + b".")


FORBIDDEN = ("os.", "subprocess.", "socket.", "open", "exec", "compile", "import", "ctypes.")
watching = threading.local()


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what Python's own audit says that a reader does."""
    is_harmless = event == "os.scandir"  # ruamel.yaml looks for parts of itself
    if getattr(watching, "on", False) and event.startswith(FORBIDDEN) and not is_harmless:
        watching.seen.append((event, arguments[:1]))


sys.addaudithook(watch)


def answers(read: Callable[[], Any]) -> Any:
    """Return what `read` gives, None where it refuses in one line.

    Meanwhile nothing is imported, opened, compiled, started or connected.
    """
    said, value = "", None
    watching.seen, watching.on = [], True
    try:
        value = read()
    except (ZooError, NotPlain) as error:
        said = str(error)
    finally:
        watching.on = False
    assert watching.seen == []
    assert "\n" not in said
    assert len(said) < 1000
    return value


@pytest.fixture(autouse=True, scope="module")
def libraries_have_imported_what_they_import_late() -> None:
    for data in SEEDS:
        for read in (pickles.loads, torch_file.read_state, weights.loads, tagged_yaml.loads):
            with suppress(ZooError):
                read(data, "x")


def use(value: Any) -> None:
    """Ask for everything that a record could stand for."""
    for reader in (plain, array, mapping, space, lambda v: state_of(v, "a.B")):
        answers(lambda reader=reader: reader(value))  # type: ignore[misc]


@fuzz
@given(damaged() | programs | st.binary(max_size=80))
def test_pickles(data: bytes) -> None:
    value = answers(lambda: pickles.loads(data, "x.pkl"))
    use(value)
    if isinstance(value, dict):
        for item in value.values():
            use(item)


@fuzz
@given(damaged() | programs)
def test_torch_files(data: bytes) -> None:
    answers(lambda: torch_file.read_state(data, "x.pth"))


@fuzz
@given(damaged())
def test_archives(data: bytes) -> None:
    archive = answers(lambda: Archive(data, "x.zip"))
    for name in archive.names if archive else ():
        answers(lambda name=name: archive.read(name))  # type: ignore[misc]


@fuzz
@given(damaged())
def test_safetensors(data: bytes) -> None:
    answers(lambda: weights.loads(data, "x.safetensors"))


@fuzz
@given(damaged() | st.text(max_size=60).map(str.encode))
def test_tagged_yaml(data: bytes) -> None:
    answers(lambda: tagged_yaml.loads(data, "x.yml"))
