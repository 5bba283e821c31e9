"""Export an agent: write it in a format that others read without the zoo."""

from __future__ import annotations

from pathlib import Path

from zoo.agent import Agent
from zoo.errors import ZooError
from zoo.hub.references import load
from zoo.plugin.registry import get_registry
from zoo.storage.bundle import Bundle
from zoo.storage.files import explain


def export_agent(
    agent: Agent | Bundle | Path | str, format_name: str, output: str | Path | None = None
) -> Path:
    """Write `agent` as a file of a registered format and return the file's path.

    `agent` is an agent, a bundle or a reference; `output` the file, by default the name of the
    environment with the format's ending. A file that is there is replaced. Raises `ZooError`
    where the agent's kind does not fit the format, `MissingExtra` where a package is missing.
    """
    exporter = get_registry().exporter_class(format_name)()
    actor = agent if isinstance(agent, Agent) else load(agent)
    path = Path(output).expanduser() if output else Path(_name(actor) + exporter.suffix)
    if path.is_dir():
        raise ZooError(f"{path} is a directory", "Name the file to write with --output")
    with explain(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        exporter.write(actor, path)
    return path


def _name(agent: Agent) -> str:
    origin = agent.origin
    return origin.env_id.replace("/", "__") if isinstance(origin, Bundle) else "agent"
