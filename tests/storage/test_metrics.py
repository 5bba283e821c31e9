"""Metrics reach both files, survive a crash, and go back to the checkpoint on resume."""

import csv
import json
import math
import resource
import signal

import pytest

from zoo.errors import ZooError
from zoo.storage.metrics import MetricsLog, read_metrics


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_metric_that_turns_up_late_gets_a_column(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = MetricsLog(path)
    log.append({"steps": 1, "return": 2.0})
    log.flush()
    log.append({"steps": 2, "return": 3.0, "train/loss": 0.5})
    log.flush()
    assert read_metrics(path)[1] == {"steps": 2, "return": 3.0, "train/loss": 0.5}
    assert table(tmp_path / "metrics.csv") == [
        {"steps": "1", "return": "2.0", "train/loss": ""},
        {"steps": "2", "return": "3.0", "train/loss": "0.5"},
    ]


def test_a_resume_drops_what_came_after_the_checkpoint(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = MetricsLog(path)
    for steps in (10, 20, 30):
        log.append({"steps": steps})
    log.flush()
    log = MetricsLog(path, until=20)
    log.append({"steps": 25})
    log.flush()
    assert [row["steps"] for row in read_metrics(path)] == [10, 20, 25]
    assert [row["steps"] for row in table(tmp_path / "metrics.csv")] == ["10", "20", "25"]


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"steps": 1}\n{"steps": 2}\n{"ste')
    assert [row["steps"] for row in read_metrics(path)] == [1, 2]
    MetricsLog(path, until=2)
    assert path.read_text() == '{"steps": 1}\n{"steps": 2}\n'


def test_numbers_that_json_lacks_become_null(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.append({"steps": 1, "train/loss": math.nan, "return": -math.inf})
    log.flush()
    line = (tmp_path / "metrics.jsonl").read_text()
    assert json.loads(line, parse_constant=lambda name: 1 / 0) == {
        "steps": 1, "train/loss": None, "return": None,
    }  # fmt: skip


def test_bytes_that_are_no_text_and_rows_that_are_none_end_the_reading(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for bad in (b"\xff\n", b"3\n", b'{"steps": "x"}\n', b"[" * 100_000 + b"\n"):
        path.write_bytes(b'{"steps": 1}\n' + bad + b'{"steps": 2}\n')
        assert read_metrics(path) == [{"steps": 1}]


def test_a_disk_that_is_full_leaves_no_half_line(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.append({"steps": 1})
    log.flush()
    before = log_bytes(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 5, hard))
    try:
        log.append({"steps": 2})
        with pytest.raises(ZooError, match="disk is full"):
            log.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert log_bytes(tmp_path) == before


def log_bytes(path):
    return (path / "metrics.jsonl").read_bytes()
