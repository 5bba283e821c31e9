"""Pickles read without unpickling: what they would import and call becomes inert records.

A pickle is a program for a small stack machine. This module runs that program on values that
can do nothing: where `pickle` would import `os.system` stands `Name("os", "system")`, and where
it would call it stands a `Made` that holds the arguments. Whoever reads the result picks out
the few shapes that it knows (see `zoo.foreign.arrays`) and never meets anything else.

Memory is bounded: by the size of the data, by a limit of steps, and by lengths that are compared
with what is there before anything is allocated. Nothing here recurses.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable
from typing import Any

from zoo.errors import ZooError
from zoo.foreign.pickle_machine import Machine, Wrong
from zoo.foreign.records import Made, Name, Persistent

MAX_BYTES = 64 << 20
_MAX_INTEGER = 1024  # bytes of one integer
_MAX_DIGITS = 1000
_MAX_KEY = 1 << 60
"""Below, integers as keys have hashes of their own; above, any number of them share one."""

_KEYS = (str, int, float, bytes, type(None))
_HINT = "The file is damaged or hostile; nothing in it was run"


def loads(data: bytes, where: str) -> Any:
    """Return what the pickle in `data` describes; `where` names it in the `ZooError`."""
    return load_at(data, 0, where)[0]


def load_at(data: bytes, start: int, where: str) -> tuple[Any, int]:
    """Return what the pickle at `start` describes, and the place behind its end.

    Sets are `Made` of `builtins.set` with their members as `items`. Raises `ZooError` for what
    is no pickle, too large, or uses what no reader of models needs: extension codes, buffers
    outside of the data, keys that are no plain values.
    """
    if len(data) - start > MAX_BYTES:
        raise ZooError(f"{where} is too large to be read: {len(data) - start} bytes", _HINT)
    machine = Machine(data, start)
    try:
        return machine.run(_OPERATIONS), machine.at
    except Wrong as wrong:
        reason = str(wrong)
    except (IndexError, KeyError):
        reason = "it takes what was never put there"
    except (struct.error, ValueError, OverflowError):
        reason = "a value in it is cut off or of another kind than it says"
    except RecursionError:
        reason = "it is nested too deeply"
    raise ZooError(f"{where} cannot be read: {reason}, at byte {machine.at}", _HINT)


def _push(value: Any) -> Callable[[Machine], None]:
    return lambda m: m.stack.append(value)


def _read(read: Callable[[Machine], Any]) -> Callable[[Machine], None]:
    def push(m: Machine) -> None:
        value = read(m)  # first: reading may exchange the stack
        m.stack.append(value)

    return push


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _digits(data: bytes) -> int:
    if len(data) > _MAX_DIGITS:
        raise Wrong("an integer in it is too long")
    return int(data)


def _line_integer(m: Machine) -> Any:
    line = m.line()
    return {b"00": False, b"01": True}.get(line) if line in (b"00", b"01") else _digits(line)


def _long(form: str) -> Callable[[Machine], int]:
    def read(m: Machine) -> int:
        size = m.number(form)
        if not 0 <= size <= _MAX_INTEGER:
            raise Wrong("an integer in it is too long")
        return int.from_bytes(m.take(size), "little", signed=True)

    return read


def _quoted(m: Machine) -> str:
    line = m.line().strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise Wrong("a string in it has no quotes")
    return codecs.escape_decode(line[1:-1])[0].decode("latin-1")


def _name(m: Machine) -> Name:
    return Name(_text(m.line()), _text(m.line()))


def _stack_name(m: Machine) -> None:
    name, module = m.stack.pop(), m.stack.pop()
    if not (isinstance(name, str) and isinstance(module, str)):
        raise Wrong("it imports by what is no name")
    m.stack.append(Name(module, name))


def _call(m: Machine) -> None:
    arguments = m.stack.pop()
    m.stack.append(Made(m.stack.pop(), arguments))


def _call_with_keywords(m: Machine) -> None:
    keywords, arguments = m.stack.pop(), m.stack.pop()
    m.stack.append(Made(m.stack.pop(), arguments, keywords))


def _instance(m: Machine) -> None:
    name, arguments = _name(m), m.pop_mark()
    m.stack.append(Made(name, tuple(arguments)))


def _object(m: Machine) -> None:
    maker, *arguments = m.pop_mark()
    m.stack.append(Made(maker, tuple(arguments)))


def _build(m: Machine) -> None:
    state, target = m.stack.pop(), m.stack[-1]
    if not isinstance(target, Made):
        raise Wrong("it gives a state to a plain value")
    target.state = state


def _append(m: Machine, values: list[Any]) -> None:
    target = m.stack[-1]
    if isinstance(target, Made):
        target.items.extend(values)
    elif isinstance(target, list):
        target.extend(values)
    else:
        raise Wrong("it appends to what is no list")


def _put(m: Machine, values: list[Any]) -> None:
    target = m.stack[-1]
    entries = target.entries if isinstance(target, Made) else target
    if not isinstance(entries, dict) or len(values) % 2:
        raise Wrong("it puts entries into what is no dictionary")
    for key, value in zip(values[::2], values[1::2], strict=True):
        if not isinstance(key, _KEYS):  # a hash may take forever or exhaust the stack
            raise Wrong("a key in it is neither text nor a number")
        if isinstance(key, int) and abs(key) > _MAX_KEY:
            raise Wrong("a key in it is too large a number")
        entries[key] = value


def _dictionary(m: Machine) -> None:
    values = m.pop_mark()
    m.stack.append({})
    _put(m, values)


def _set(members: list[Any]) -> Made:
    made = Made(Name("builtins", "set"), ())
    made.items = members
    return made


def _last(m: Machine, count: int) -> list[Any]:
    if len(m.stack) < count:
        raise IndexError
    values = m.stack[-count:]
    del m.stack[-count:]
    return values


def _tuple_of(count: int) -> Callable[[Machine], None]:
    return lambda m: m.stack.append(tuple(_last(m, count)))


def _mark(m: Machine) -> None:
    m.marks.append(m.stack)
    m.stack = []


def _pop(m: Machine) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.pop_mark()


def _pop_to_mark(m: Machine) -> None:
    m.pop_mark()


def _frame(m: Machine) -> None:
    if m.number("<Q") > len(m.data) - m.at:
        raise Wrong("it is cut off")


def _protocol(m: Machine) -> None:
    if m.number("<B") > 5:
        raise Wrong("its protocol is newer than 5")


def _remember_next(m: Machine) -> None:
    m.remember(len(m.memo))


# The opcodes of https://github.com/python/cpython/blob/main/Lib/pickletools.py, except for the
# extension codes and the buffers outside of the data, which nothing here could look up.
_OPERATIONS: dict[bytes, Callable[[Machine], None]] = {
    b"(": _mark,
    b"0": _pop,
    b"1": _pop_to_mark,
    b"2": lambda m: m.stack.append(m.stack[-1]),
    b"N": _push(None),
    b"\x88": _push(True),
    b"\x89": _push(False),
    b")": _push(()),
    b"]": _read(lambda m: []),
    b"}": _read(lambda m: {}),
    b"\x8f": _read(lambda m: _set([])),
    b"I": _read(_line_integer),
    b"L": _read(lambda m: _digits(m.line().removesuffix(b"L"))),
    b"F": _read(lambda m: float(m.line())),
    b"G": _read(lambda m: m.number(">d")),
    b"J": _read(lambda m: m.number("<i")),
    b"K": _read(lambda m: m.number("<B")),
    b"M": _read(lambda m: m.number("<H")),
    b"\x8a": _read(_long("<B")),
    b"\x8b": _read(_long("<i")),
    b"S": _read(_quoted),
    b"T": _read(lambda m: m.counted("<I").decode("latin-1")),
    b"U": _read(lambda m: m.counted("<B").decode("latin-1")),
    b"V": _read(lambda m: m.line().decode("raw-unicode-escape")),
    b"X": _read(lambda m: _text(m.counted("<I"))),
    b"\x8c": _read(lambda m: _text(m.counted("<B"))),
    b"\x8d": _read(lambda m: _text(m.counted("<Q"))),
    b"B": _read(lambda m: m.counted("<I")),
    b"C": _read(lambda m: m.counted("<B")),
    b"\x8e": _read(lambda m: m.counted("<Q")),
    b"\x96": _read(lambda m: m.counted("<Q")),
    b"c": _read(_name),
    b"\x93": _stack_name,
    b"R": _call,
    b"\x81": _call,
    b"\x92": _call_with_keywords,
    b"i": _instance,
    b"o": _object,
    b"b": _build,
    b"a": lambda m: _append(m, [m.stack.pop()]),
    b"e": lambda m: _append(m, m.pop_mark()),
    b"s": lambda m: _put(m, _last(m, 2)),
    b"u": lambda m: _put(m, m.pop_mark()),
    b"\x90": lambda m: _append(m, m.pop_mark()),
    b"\x91": _read(lambda m: _set(m.pop_mark())),
    b"l": _read(lambda m: m.pop_mark()),
    b"d": _dictionary,
    b"t": _read(lambda m: tuple(m.pop_mark())),
    b"\x85": _tuple_of(1),
    b"\x86": _tuple_of(2),
    b"\x87": _tuple_of(3),
    b"p": lambda m: m.remember(_digits(m.line())),
    b"q": lambda m: m.remember(m.number("<B")),
    b"r": lambda m: m.remember(m.number("<I")),
    b"\x94": _remember_next,
    b"g": _read(lambda m: m.memo[_digits(m.line())]),
    b"h": _read(lambda m: m.memo[m.number("<B")]),
    b"j": _read(lambda m: m.memo[m.number("<I")]),
    b"P": _read(lambda m: Persistent(_text(m.line()))),
    b"Q": _read(lambda m: Persistent(m.stack.pop())),
    b"\x80": _protocol,
    b"\x95": _frame,
}
