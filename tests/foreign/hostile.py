"""Pickles that would do harm if anything ran them, made by hand, opcode by opcode."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any


class Payload:
    """Pickled, it is a call of `os.system` that leaves a file behind."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        import os

        return os.system, (f"touch {self.marker}",)


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def payloads(marker: Path) -> dict[str, bytes]:
    """Return pickles by the trick that each plays; `pickle.loads` would make `marker`."""
    command = f"touch {marker}"
    write = f"open({str(marker)!r}, 'w')"
    return {
        "reduce": pickle.dumps(Payload(marker), 4),
        "reduce-protocol-0": pickle.dumps(Payload(marker), 0),
        "global": b"\x80\x02cposix\nsystem\n(" + text(command) + b"tR.",
        "inst": b"(" + text(command) + b"ios\nsystem\n.",
        "obj": b"\x80\x02(cos\nsystem\n" + text(command) + b"o.",
        "newobj": b"\x80\x02csubprocess\nPopen\n(" + text(command) + b"t\x81.",
        "newobj-ex": b"\x80\x04" + text("subprocess") + text("Popen") + b"\x93)}"
        + text("args") + text(command) + b"s\x92.",
        "exec": b"\x80\x02cbuiltins\nexec\n(" + text(write) + b"tR.",
        "dotted": b"\x80\x04" + text("collections") + text("abc.sys.modules") + b"\x93.",
        "getattr": b"\x80\x02cbuiltins\ngetattr\n(cos\n__dict__\n" + text("system") + b"tR("
        + text(command) + b"tR.",
        "build": b"\x80\x02cbuiltins\nobject\n)\x81}" + text("__setstate__")
        + b"cos\nsystem\nsb" + text(command) + b"b.",
        "append": b"\x80\x02cos\nsystem\n(" + text(command) + b"tRa."[:-1] + b".",
        "setitem": b"\x80\x02ccollections\nOrderedDict\n)R" + text("k")
        + b"cos\nsystem\n(" + text(command) + b"tRs.",
        "persistent": b"\x80\x02" + text(command) + b"Q.",
        "persistent-text": b"P" + command.encode() + b"\n.",
    }  # fmt: skip


def deep(levels: int, opening: bytes = b"(", closing: bytes = b"t") -> bytes:
    """Return a pickle of tuples inside of each other."""
    return b"\x80\x02" + opening * levels + closing * levels + b"."


def explosion(levels: int) -> bytes:
    """Return a pickle of a few bytes that, written out, would be 2 ** levels values."""
    step = b"".join(b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1])
                    for i in range(levels))  # fmt: skip
    return b"\x80\x02]q\x00" + step + b"."
