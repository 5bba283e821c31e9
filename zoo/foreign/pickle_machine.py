"""The stack machine that pickles are programs for, without anything that it could harm."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

MAX_OPCODES = 500_000
"""The pickles of a published agent have a few thousand."""
_MAX_MEMO = 1 << 31


class Wrong(Exception):
    """Something in the pickle that is not read, in words."""


class Machine:
    """The stack machine: `stack` under the newest mark, `marks` the stacks below it."""

    def __init__(self, data: bytes, start: int) -> None:
        self.data, self.at = data, start
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self, operations: Mapping[bytes, Callable[[Machine], None]]) -> Any:
        """Return the value on the stack where the program stops."""
        for _ in range(MAX_OPCODES):
            code = self.take(1)
            if code == b".":
                return self.stack.pop()
            operation = operations.get(code)
            if operation is None:
                raise Wrong(f"the opcode {code!r} is not read")
            operation(self)
        raise Wrong(f"it has more than {MAX_OPCODES} steps")

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes of the program."""
        end = self.at + count
        if end > len(self.data):
            raise Wrong("it is cut off")
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def number(self, form: str) -> Any:
        """Return the next number of the program, as `struct` calls its form."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def counted(self, form: str) -> bytes:
        """Return bytes whose number stands before them."""
        return self.take(self.number(form))

    def line(self) -> bytes:
        """Return the bytes up to the end of the line."""
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise Wrong("it is cut off")
        piece = self.take(end - self.at)
        self.at += 1
        return piece

    def pop_mark(self) -> list[Any]:
        """Return what lies above the newest mark, and take both away."""
        above, self.stack = self.stack, self.marks.pop()
        return above

    def remember(self, index: int) -> None:
        """Keep the value on the stack under a number."""
        if not 0 <= index < _MAX_MEMO:
            raise Wrong(f"it remembers a value as number {index}")
        self.memo[index] = self.stack[-1]
