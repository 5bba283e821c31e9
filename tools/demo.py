"""The first five minutes, as `make demo` runs them: train, evaluate, film."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

ALGORITHM, ENVIRONMENT = "ppo", "CartPole-v1"
AIM = 475.0
VIDEO = Path("runs") / "demo.mp4"
ZOO = [sys.executable, "-m", "zoo"]


def zoo(*arguments: str) -> None:
    """Show a command and run it; stop where it fails."""
    print(f"\n$ zoo {shlex.join(arguments)}", flush=True)
    done = subprocess.run([*ZOO, *arguments], check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(done.returncode)


def newest_run() -> dict[str, object]:
    """Return the row of the run that has just been trained."""
    listing = subprocess.run([*ZOO, "runs", "--json"], check=True, capture_output=True)
    return json.loads(listing.stdout)[0]


def main() -> None:
    """Run the demo; exit with 1 where the agent has not learnt what it should."""
    zoo("train", "--algo", ALGORITHM, "--env", ENVIRONMENT, "--seed", "0")
    run = newest_run()
    agent = str(run["ref"])
    zoo("eval", agent, "--episodes", "100")
    zoo("record", agent, "-o", str(VIDEO))
    print(
        f"\nrun      {run['path']}/ (run.json, metrics.csv, evaluations.csv, checkpoints/)"
        f"\nagent    {run['path']}/best/"
        f"\nvideo    {VIDEO}"
        f"\nwatch    zoo enjoy {agent}   (first: source .venv/bin/activate)"
    )
    score = run["mean_return"]
    if not isinstance(score, float | int) or score < AIM:
        sys.exit(f"The agent's mean return is {score}, below the {AIM:g} that it should reach.")


if __name__ == "__main__":
    main()
