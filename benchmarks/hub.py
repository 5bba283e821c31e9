"""What the local hub costs: pushing and pulling, hashing, and searching.

    python benchmarks/hub.py [--agents 10000] [--large 256] [--repeats 9]

exchange   a process that imports what both need, and one that also pushes an agent of 1 MB into
           an empty hub and pulls it into a directory, in turn. The difference is what the two
           cost, with all waiting for the disk: at most 50 ms. Told beside it by the process's own
           clock, which is surer on a busy machine.
hashing    `sha256sum`, the push of the same large file, and `cp` with a wait for the disk, in turn.
           The push hashes and copies: at least half of sha256sum's speed.
search     `zoo.search` in a hub of many agents, in a fresh process: first after a push, when the
           index is out of date, and then again. At most 0.3 s.

Every figure is the least of the repeats: other work on the machine only adds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

IMPORTS = """
import os, sys, time
from pathlib import Path
import zoo, zoo.pull, zoo.push, zoo.search
"""
EXCHANGE = f"""{IMPORTS}
begin = time.perf_counter()
zoo.push(sys.argv[1], "team/walker")
zoo.pull("team/walker", output=sys.argv[2])
print(time.perf_counter() - begin)
"""
PUSH = f"""{IMPORTS}
from zoo.storage.bundle import open_bundle
bundle = open_bundle(sys.argv[1])
begin = time.perf_counter()
zoo.push(bundle, "team/walker")
print(time.perf_counter() - begin)
"""
SEARCH = f"""{IMPORTS}
for _ in range(2):
    begin = time.perf_counter()
    found = zoo.search("agent-77", env_id="CartPole-v1", min_return=100.0)
    print(time.perf_counter() - begin)
"""
FILL = f"""{IMPORTS}
import json
sys.path.insert(0, str(Path(sys.argv[2]).parent))
from hub import save_agent

os.fsync = lambda descriptor: None  # filling the hub is not what is measured
hub = zoo.LocalHub()
for i in range(int(sys.argv[1])):
    claim = {{"mean_return": i % 500, "ci95_return": [i % 500 - 1, i % 500 + 1], "episodes": 100}}
    env_id = ("CartPole-v1", "Pendulum-v1", "Acrobot-v1", "Taxi-v4")[i % 4]
    files = {{"evaluation.json": json.dumps(claim).encode()}}
    bundle = save_agent(Path(sys.argv[3]), files, env_id, algorithm=f"algorithm-{{i % 20}}", seed=i)
    hub.push(bundle, f"team-{{i % 100}}/agent-{{i}}")
"""


def save_agent(
    folder: Path,
    files: dict[str, Any],
    env_id: str = "None-v0",
    *,
    algorithm: str = "none",
    seed: int = 0,
) -> Any:
    """Save a bundle with a small table and these companion files."""
    import numpy as np
    from gymnasium import spaces

    from zoo.agents.table import TableAgent
    from zoo.storage.bundle import save_bundle

    two = spaces.Discrete(2)
    agent = TableAgent(two, two, q=np.full((2, 2), float(seed)))
    facts = {"versions": {}, "config": {}, "training": {"seed": seed}, "plugin": ""}
    return save_bundle(
        folder, agent, algorithm=algorithm, environment={"id": env_id}, files=files, **facts
    )


def run(program: str, *arguments: object, hub: Path) -> list[float]:
    """Run a program in a process of its own; return the numbers that it prints, then its time."""
    begin = time.perf_counter()
    answer = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"ZOO_HUB": str(hub), "OMP_NUM_THREADS": "1"},
    )
    seconds = time.perf_counter() - begin
    return [*map(float, answer.stdout.split()), seconds]


def seconds_of(work: Callable[..., object], *arguments: object) -> float:
    begin = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - begin


def exchange(folder: Path, repeats: int) -> None:
    save_agent(folder / "agent", {"million.bin": os.urandom(1_000_000)})
    start, inside, whole = [], [], []
    for i in range(repeats):
        hub = folder / f"hub-{i}"
        start += run(IMPORTS, hub=hub)
        seconds, total = run(EXCHANGE, folder / "agent", folder / f"out-{i}", hub=hub)
        inside.append(seconds)
        whole.append(total)
    least = [1e3 * min(times) for times in (start, whole, inside)]
    print(f"exchange   start {least[0]:.0f} ms, with push and pull {least[1]:.0f} ms: ", end="")
    print(f"{least[1] - least[0]:.0f} ms, by its own clock {least[2]:.0f} ms (at most 50)")


def hashing(folder: Path, megabytes: int, repeats: int) -> None:
    large = folder / "large.bin"
    with open(large, "wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1_000_000))
    save_agent(folder / "large", {"large.bin": large})
    reference, pushed, copied = [], [], []
    for i in range(repeats):
        hub, copy = folder / f"large-hub-{i}", folder / "copy"
        reference.append(seconds_of(subprocess.check_output, ["sha256sum", large]))
        pushed.append(run(PUSH, folder / "large", hub=hub)[0])
        copied.append(seconds_of(copy_to_disk, large, copy))
        shutil.rmtree(hub)
        copy.unlink()
    speeds = [megabytes / min(times) for times in (reference, pushed, copied)]
    print(f"hashing    sha256sum {speeds[0]:.0f} MB/s, push {speeds[1]:.0f} MB/s: ", end="")
    print(f"{speeds[1] / speeds[0]:.2f} of it (at least 0.5); ", end="")
    print(f"copying to the disk alone {speeds[2]:.0f} MB/s")


def copy_to_disk(source: Path, path: Path) -> None:
    shutil.copyfile(source, path)
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def search(folder: Path, agents: int, repeats: int) -> None:
    hub = folder / "many"
    begin = time.perf_counter()
    run(FILL, agents, __file__, folder / "made", hub=hub)
    filled = time.perf_counter() - begin
    built = run(SEARCH, hub=hub)[0]
    start, stale, fresh, whole = [], [], [], []
    for i in range(repeats):
        save_agent(folder / "new", {}, seed=-1 - i)
        run(PUSH, folder / "new", hub=hub)
        times = run(SEARCH, hub=hub)
        stale.append(times[0])
        fresh.append(times[1])
        start += run(IMPORTS, hub=hub)
        whole.append(times[2] - times[0])
    least = [1e3 * min(times) for times in (stale, fresh, start, whole)]
    print(
        f"search     {agents} agents (pushed in {filled:.0f} s; index built in {built:.1f} s): ",
        end="",
    )
    print(f"after a push {least[0]:.0f} ms, again {least[1]:.0f} ms (at most 300); ", end="")
    print(f"process {least[3]:.0f} ms, of which start {least[2]:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=256, metavar="MB")
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        exchange(Path(folder), options.repeats)
        hashing(Path(folder), options.large, options.repeats)
        search(Path(folder), options.agents, options.repeats)


if __name__ == "__main__":
    main()
