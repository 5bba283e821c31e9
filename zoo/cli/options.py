"""What the values of options look like, and options that several commands have."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from zoo.storage.bundle import Bundle

Command = TypeVar("Command", bound=Callable[..., Any])

LARGEST_SEED = 2**31 - 1
MOST_SEEDS = 1000
_SUFFIX = {"": 1, "k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Steps(click.ParamType):
    """A number of steps, `least` at least: 100000, 100_000, 1e5, 100k, 2.5M."""

    name = "steps"

    def __init__(self, least: int = 1) -> None:
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d[\d_]*(?:\.\d+)?(?:e\d{1,2})?)([kmb]?)", value.strip().lower())
        count = float(match[1]) * _SUFFIX[match[2]] if match else -1.0
        if count < self.least or count != int(count):
            self.fail(
                f"{value!r} is not a number of steps, such as 100000, 1e5 or 100k", param, ctx
            )
        return int(count)


class Device(click.ParamType):
    """Where to compute: auto, cpu, cuda or cuda:N."""

    name = "device"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "[auto|cpu|cuda|cuda:N]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from zoo.training.devices import DEVICE, DEVICES

        if not DEVICE.fullmatch(value):
            self.fail(f"{value!r} is not {DEVICES}", param, ctx)
        return str(value)


class Duration(click.ParamType):
    """A length of time in seconds: 90, 90s, 10m, 1h30m, 2d."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        string = value.strip().lower()
        if re.fullmatch(r"\d+(\.\d+)?", string):
            string += "s"
        parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", string)
        seconds = sum(float(count) * _SECONDS[unit] for count, unit in parts)
        if "".join(count + unit for count, unit in parts) != string or seconds <= 0:
            self.fail(f"{value!r} is not a time, such as 90s, 10m or 1h30m", param, ctx)
        return seconds


class Bytes(click.ParamType):
    """A size in bytes: 1000000, 500M, 2G."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d{1,15})([kmgt]?)b?", value.strip().lower())
        if not match or not int(match[1]):
            self.fail(f"{value!r} is not a size, such as 500M or 2G", param, ctx)
        return int(match[1]) * 1000 ** " kmgt".index(match[2] or " ")


class Seeds(click.ParamType):
    """Several seeds: 0-4, 1,2,5 or 0-2,7."""

    name = "seeds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        seeds: list[int] = []
        for part in value.split(","):
            match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
            if not match:
                self.fail(f"{value!r} are not seeds, such as 0-4 or 1,2,5", param, ctx)
            first, last = int(match[1]), int(match[2] or match[1])
            if last < first or last > LARGEST_SEED or last - first >= MOST_SEEDS:
                self.fail(f"{part.strip()!r} is not a range of seeds, such as 0-4", param, ctx)
            seeds += range(first, last + 1)
        return tuple(dict.fromkeys(seeds))


class JsonObject(click.ParamType):
    """A JSON object, such as {"is_slippery": false}."""

    name = "json"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        try:
            parsed = json.loads(value)
        except ValueError as error:
            self.fail(f"{value!r} is not JSON: {error}", param, ctx)
        if not isinstance(parsed, dict):
            self.fail(f'{value!r} is not a JSON object, such as {{"key": 1}}', param, ctx)
        return parsed


SEED = click.IntRange(0, LARGEST_SEED)
COUNT = click.IntRange(min=1)


def add(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Give a command several options, in the order in which `--help` shows them."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


agent_argument = click.argument("agent", metavar="AGENT")
env_option = click.option(
    "--env", "env", metavar="ENV", help="Another environment than the agent's own."
)
seed_option = click.option(
    "--seed",
    type=SEED,
    metavar="N",
    default=0,
    show_default="0",
    help="Seed of the episodes.",
)
stochastic_option = click.option(
    "--stochastic", is_flag=True, help="Sample actions instead of taking the best one."
)
runs_option = click.option(
    "--runs",
    "runs",
    type=click.Path(file_okay=False),
    help="Where runs lie.  [default: $ZOO_RUNS or ./runs]",
)


hub_option = click.option(
    "--hub", "hub", metavar="HUB", help="A directory, or a remote hub: hf.  [default: your own]"
)
folder_option = click.option(
    "--hub",
    "folder",
    type=click.Path(file_okay=False),
    help="The hub's directory.  [default: $ZOO_HUB or your data directory]",
)
endpoint_option = click.option("--endpoint", metavar="URL", help="Another address of a remote hub.")
timeout_option = click.option(
    "--timeout",
    type=Duration(),
    metavar="TIME",
    default=60.0,
    help="How long a remote hub may take for an answer.  [default: 60s]",
)
lock_option = click.option(
    "--file",
    "lock",
    type=click.Path(dir_okay=False),
    default="zoo.lock",
    show_default=True,
    help="The project's pins.",
)


def agent_in(runs: str | None, reference: str) -> Bundle | str:
    """Return the agent that `reference` means among `runs`; without them the reference itself,
    which later errors and hints then name."""
    from zoo.hub.references import find

    return reference if runs is None else find(reference, runs)
