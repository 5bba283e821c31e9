"""The metrics of a run as JSON lines and as a table, cut back to a checkpoint on resume."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo.storage.files import explain, write_atomically


class MetricsLog:
    """Appends rows to `metrics.jsonl` and `metrics.csv`.

    The JSON lines are the truth. The table's columns are those seen so far: a metric that
    turns up later (a loss, once learning starts) has the table rewritten with its column.
    """

    def __init__(self, jsonl: Path, *, until: int | None = None) -> None:
        """Open `jsonl` for appending; `until` drops the rows of later steps (a resume)."""
        self._jsonl, self._csv = jsonl, jsonl.with_suffix(".csv")
        rows = [row for row in read_metrics(jsonl) if until is not None and row["steps"] <= until]
        self._columns = _columns(rows)
        write_atomically(jsonl, "".join(json.dumps(row) + "\n" for row in rows))
        self._write_table(rows)
        self._pending: list[dict[str, Any]] = []

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row, which holds `steps`; it reaches the disk with the next `flush`.

        JSON has no NaN and no infinity: they are written as null.
        """
        finite = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in row.items()
        }
        self._pending.append(finite)

    def flush(self) -> None:
        """Write the rows that wait."""
        if not self._pending:
            return
        rows, self._pending = self._pending, []
        _append(self._jsonl, "".join(json.dumps(row) + "\n" for row in rows))
        if set(_columns(rows)) <= set(self._columns):
            text = io.StringIO(newline="")
            csv.DictWriter(text, self._columns).writerows(rows)
            _append(self._csv, text.getvalue())
            return
        everything = read_metrics(self._jsonl)
        self._columns = _columns(everything)
        self._write_table(everything)

    def _write_table(self, rows: Iterable[Mapping[str, Any]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self._columns)
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(self._csv, text.getvalue())


def read_metrics(jsonl: Path) -> list[dict[str, Any]]:
    """Return the rows of a metrics file; what follows a damaged line is left out."""
    if not jsonl.exists():
        return []
    rows = []
    for line in jsonl.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not isinstance(row, dict) or not isinstance(row.get("steps"), int):
            break
        rows.append(row)
    return rows


def _append(path: Path, text: str) -> None:
    """Add `text` whole; where the disk refuses, the file is as it was."""
    with explain(path), path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            if file.write(text.encode()) < len(text.encode()):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            file.truncate(size)
            raise


def _columns(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))
