"""The index of a local hub: the facts about its agents in one SQLite file, for fast searching.

It holds nothing that cannot be read again: which names there are is brought up to date from the
log of changes, and what a bundle says never changes. An index that is damaged, or belongs to
another log, is made anew; where the hub may not be written, that happens in memory.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.errors import ZooError
from zoo.hub.base import Entry, Query
from zoo.hub.entries import entry_of
from zoo.storage.files import explain

if TYPE_CHECKING:
    from zoo.hub.local import LocalHub

FILE = "index.sqlite"
Row = tuple[Any, ...]
_VERSION = 1
_TABLES = """
DROP TABLE IF EXISTS position;
DROP TABLE IF EXISTS names;
DROP TABLE IF EXISTS bundles;
CREATE TABLE position (version INTEGER, log TEXT, bytes INTEGER);
CREATE TABLE names (name TEXT PRIMARY KEY, ref TEXT, digest TEXT);
CREATE TABLE bundles (
    digest TEXT PRIMARY KEY, algorithm TEXT, env_id TEXT, mean_return REAL,
    lowest REAL, highest REAL, episodes INTEGER, size INTEGER
);
"""
_SELECT = """
SELECT ref, algorithm, env_id, mean_return, lowest, highest, episodes, size, digest
FROM names JOIN bundles USING (digest)
"""


def search(hub: LocalHub, query: Query) -> list[Entry]:
    """Return the agents of `hub` that fit; one entry per name, of its latest version.

    Damaged agents are passed over; `zoo hub verify` tells of them.
    """
    found = sorted(filter(query.accepts, map(_entry, _rows(hub))), key=Entry.rank)
    return [replace(entry, path=str(hub.shelf.directory(str(entry.digest)))) for entry in found]


def _rows(hub: LocalHub) -> list[Row]:
    """Return what an index says that knows all that the log tells of."""
    path = hub.root / FILE
    stored = path.as_uri() + "?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(stored, uri=True)) as index:
        if _position(index) == hub.refs.log_position():
            return index.execute(_SELECT).fetchall()
    if not os.access(hub.root, os.W_OK):
        with closing(sqlite3.connect(":memory:")) as memory:
            with suppress(sqlite3.Error), closing(sqlite3.connect(stored, uri=True)) as index:
                index.backup(memory)
            return _brought_up_to_date(hub, memory)
    with hub.lock():
        try:
            with closing(sqlite3.connect(path)) as index:
                return _brought_up_to_date(hub, index)
        except sqlite3.DatabaseError:
            with explain(path):
                path.unlink(missing_ok=True)
            with explain(path), closing(sqlite3.connect(path)) as index:
                return _brought_up_to_date(hub, index)


def _brought_up_to_date(hub: LocalHub, index: sqlite3.Connection) -> list[Row]:
    """Read again what changed since the index was written, everything where that is unknown."""
    position = hub.refs.log_position()
    known = _position(index)
    with index:  # one transaction
        if known is None:
            index.executescript(_TABLES)
        if known is None or known[0] != position[0] or known[1] > position[1]:
            index.execute("DELETE FROM names")
            names: Iterable[str] = hub.refs.names()
        else:
            names = hub.refs.changed_since(known[1])
        for name in names:
            _read_again(hub, index, name)
        index.execute("DELETE FROM position")
        index.execute("INSERT INTO position VALUES (?, ?, ?)", (_VERSION, *position))
    return index.execute(_SELECT).fetchall()


def _read_again(hub: LocalHub, index: sqlite3.Connection, name: str) -> None:
    index.execute("DELETE FROM names WHERE name = ?", (name,))
    with suppress(ZooError):
        ref = hub.refs.get(name) or next(reversed(hub.refs.tags(name)), None)
        if ref is None:
            return
        known = index.execute("SELECT 1 FROM bundles WHERE digest = ?", (ref.digest,)).fetchone()
        if known is None:
            found = entry_of(ref.text, hub.shelf.open(ref.digest))
            low, high = found.ci95_return or (None, None)
            values = (found.algorithm, found.env_id, found.mean_return, low, high)
            row = (ref.digest, *values, found.episodes, found.size)
            index.execute("INSERT INTO bundles VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        index.execute("INSERT INTO names VALUES (?, ?, ?)", (name, ref.text, ref.digest))


def _position(index: sqlite3.Connection) -> tuple[str, int] | None:
    """Return what of the log the index knows; None for a new index or another version's."""
    try:
        row = index.execute("SELECT log, bytes FROM position WHERE version = ?", (_VERSION,))
        return row.fetchone()
    except sqlite3.OperationalError:
        return None


def _entry(row: Row) -> Entry:
    ref, algorithm, env_id, mean_return, low, high, episodes, size, digest = row
    bounds = None if low is None else (low, high)
    return Entry(ref, algorithm, env_id, mean_return, bounds, episodes, size, digest)
