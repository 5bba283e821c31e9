"""Show an agent: what its table holds, drawn as text or as a picture; of others, their layers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.acting import AgentLike, algorithm_of, prepare
from zoo.agent import Agent
from zoo.agents.layered import LayeredAgent
from zoo.agents.mlp import MLPAgent
from zoo.agents.table import StateIndex, TableAgent
from zoo.drawing.charts import Chart, Table, charts_of, picture_charts
from zoo.drawing.scale import Scale
from zoo.drawing.scene import Scene, scene_of
from zoo.environments.config import EnvironmentConfig
from zoo.environments.make import make
from zoo.errors import ZooError

if TYPE_CHECKING:
    from rich.text import Text

ROWS = 20
"""How many states a table lists at once."""
MOST_CHARTS = 4
"""More charts than this fill a screen; a table says more."""
_IN_TITLE = ("algorithm", "environment")


@dataclass(frozen=True, eq=False)
class Portrait:
    """What is to be seen of an agent. Printing it shows it as text; `save` makes a picture.

    `facts` are the agent's own; `table` its numbers, None where it is no table; `parts` are the
    (name, shape) of its arrays.
    """

    title: str
    facts: dict[str, Any]
    table: Table | None
    parts: tuple[tuple[str, tuple[int, ...]], ...] = ()
    charts: tuple[Chart, ...] = field(default=())

    def __str__(self) -> str:
        return "\n".join(line.plain.rstrip() for line in self.lines())

    def lines(self, states: Sequence[int] | None = None, width: int | None = None) -> list[Text]:
        """Return the portrait as lines of coloured text, at most `width` wide if that can be.

        A table whose layout is known is drawn; of another one the first states are listed, or
        the `states` that are asked for. Raises `ZooError` for states that are not there.
        """
        from rich.text import Text

        from zoo.drawing import terminal

        lines = [Text(self.title, "bold")]
        told = [(name, value) for name, value in self.facts.items() if value]
        lines += [Text(f"{name}: {value}") for name, value in told if name not in _IN_TITLE]
        if self.table is None:
            return [*lines, Text(), *_part_lines(self.parts)]
        if states is None and self.charts and len(self.charts) <= MOST_CHARTS:
            scale = Scale.of(chart.values for chart in self.charts)
            for chart in self.charts:
                lines += [Text(), *terminal.chart_lines(chart, scale, width)]
            return [*lines, Text(), *terminal.legend_lines(self.table, scale, width is not None)]
        chosen = range(min(ROWS, self.table.n_states)) if states is None else states
        self._check(chosen)
        lines += [Text(), *terminal.table_lines(self.table, chosen)]
        if states is None and self.table.n_states > ROWS:
            more = f"{ROWS}-{min(2 * ROWS, self.table.n_states) - 1}"
            lines.append(Text(f"{ROWS} of {self.table.n_states:,} states; "
                              f"the next ones: --states {more}", "dim"))  # fmt: skip
        return lines

    def save(self, path: str | Path) -> Path:
        """Write the picture as a PNG; raise `ZooError` for an agent that is no table."""
        if self.table is None:
            raise ZooError(
                f"only tables can be drawn, and this agent is of the kind {self.facts['kind']}",
                "Leave --png out to see its layers, or film it: zoo record",
            )
        from zoo.drawing.picture import save

        return save(Path(path), self.title, self.subtitle, picture_charts(self.table))

    @property
    def subtitle(self) -> str:
        """The line under a picture's title."""
        return "   ".join(str(self.facts[name]) for name in ("arguments", "table", "evaluation")
                          if self.facts.get(name))  # fmt: skip

    def to_json(self, states: Sequence[int] | None = None) -> dict[str, Any]:
        """Return the facts and the numbers, of all states or of those that are asked for."""
        facts = {name: value for name, value in self.facts.items() if value}
        table = self.table
        if table is None:
            arrays = [{"name": name, "shape": list(shape)} for name, shape in self.parts]
            return {**facts, "arrays": arrays}
        chosen = np.arange(table.n_states) if states is None else np.asarray(states, np.int64)
        self._check(chosen)
        numbers = {"v": table.v, "q": table.q, "policy": table.policy}
        return {
            **facts,
            "actions": list(table.scene.actions),
            "grid": table.scene.grid,
            "states": chosen,
            "best": [np.flatnonzero(row) for row in table.best[chosen]],
            **{name: array[chosen] for name, array in numbers.items() if array is not None},
        }

    def _check(self, states: Sequence[int] | np.ndarray) -> None:
        assert self.table is not None
        if len(states) and not 0 <= min(states) <= max(states) < self.table.n_states:
            raise ZooError(
                f"there is no state {max(states)}",
                f"The table's states are 0 to {self.table.n_states - 1}",
            )


def show(agent: AgentLike) -> Portrait:
    """Return what is to be seen of `agent`: an agent, a bundle, or a reference to one.

    The environment is made to learn its map and the names of its actions; where that fails,
    or none is known, the table is shown without them. Errors are those of `load`.
    """
    actor, config = _opened(agent)
    algorithm = algorithm_of(actor)
    env_id = config.id if config is not None else None
    facts: dict[str, Any] = {"algorithm": algorithm, "environment": env_id, "kind": actor.kind}
    if config is not None:
        facts["arguments"] = ", ".join(f"{k}={v}" for k, v in config.kwargs.items())
        facts["wrappers"] = ", ".join(name for name, _ in config.wrappers)
    facts["evaluation"] = _evaluation(actor)
    title = " on ".join(filter(None, (algorithm or f"an agent of kind {actor.kind}", env_id)))
    if isinstance(actor, TableAgent):
        table = _table(actor, config)
        facts["table"] = f"{table.n_states:,} states, {table.best.shape[1]} actions"
        return Portrait(title, facts, table, charts=tuple(charts_of(table)))
    if isinstance(actor, MLPAgent):
        facts["preprocessing"] = ", ".join(name for name, _ in actor.preprocess.steps)
    if isinstance(actor, LayeredAgent):
        facts["head"] = actor.head.name
    parts = tuple((name, array.shape) for name, array in actor.tensors().items())
    count = sum(int(np.prod(shape)) for _, shape in parts)
    facts["numbers"] = f"{count:,} in {len(parts)} arrays"
    return Portrait(title, facts, None, parts)


def _opened(agent: AgentLike) -> tuple[Agent, EnvironmentConfig | None]:
    if isinstance(agent, Agent) and agent.origin is None:
        return agent, None
    return prepare(agent)


def _table(agent: TableAgent, config: EnvironmentConfig | None) -> Table:
    tensors = agent.tensors()
    q, policy, v = (tensors.get(name) for name in ("q", "policy", "v"))
    n_states, n_actions = (policy if q is None else q).shape  # type: ignore[union-attr]
    if v is None and q is not None:
        v = q.max(1)
    index = StateIndex(agent.observation_space)
    sizes, starts = tuple(index.sizes.tolist()), tuple(index.starts.tolist())
    return Table(v, q, policy, _scene(config, n_states, n_actions), sizes, starts)


def _scene(config: EnvironmentConfig | None, n_states: int, n_actions: int) -> Scene:
    env = None
    if config is not None:
        with suppress(ZooError):  # an environment of a package that is not here
            env = make(config)
    try:
        return scene_of(env, n_states, n_actions)
    finally:
        if env is not None:
            env.close()


def _evaluation(agent: Agent) -> str:
    found = getattr(agent.origin, "evaluation", None) or {}
    mean, episodes = found.get("mean_return"), found.get("episodes")
    return f"mean return {mean:.6g} over {episodes} episodes" if mean is not None else ""


def _part_lines(parts: Sequence[tuple[str, tuple[int, ...]]]) -> list[Text]:
    from rich.text import Text

    width = max((len(name) for name, _ in parts), default=0)
    return [
        Text(f"{name:<{width}}  {' x '.join(map(str, shape)) or 'one number'}")
        for name, shape in parts
    ]
