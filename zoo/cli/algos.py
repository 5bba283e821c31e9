"""`zoo algos`: the algorithms that the plugins bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zoo.cli.groups import ListingGroup
from zoo.cli.output import json_option, print_json, print_pairs, print_table

if TYPE_CHECKING:
    from zoo.plugin.registry import Registry
    from zoo.plugin.specs import AlgorithmSpec


@click.group(cls=ListingGroup)
def algos() -> None:
    """List and show algorithms."""


@algos.command("list")
@json_option
def list_algorithms(as_json: bool) -> None:
    """List all algorithms."""
    from zoo.plugin.registry import get_registry

    registry = get_registry()
    rows = [_facts(registry, spec) for spec in registry.algorithms.values()]
    if as_json:
        print_json(rows)
        return
    print_table(
        ["algorithm", "actions", "summary", "plugin"],
        [(row["name"], row["actions"], row["summary"], row["plugin"]) for row in rows],
        empty='No algorithm is installed. Try: pip install "agent-zoo[sb3]", then zoo plugins',
    )


@algos.command("show")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show an algorithm and its hyperparameters."""
    from zoo.config.schema import describe
    from zoo.plugin.registry import get_registry

    registry = get_registry()
    facts = _facts(registry, registry.algorithm(name))
    fields = describe(registry.algorithm_class(name).Config)
    if as_json:
        hyperparameters = [
            {"name": f.name, "type": f.type, "default": f.default, "description": f.description}
            for f in fields
        ]
        print_json(facts | {"hyperparameters": hyperparameters})
        return
    print_pairs(facts)
    click.echo()
    print_table(
        ["hyperparameter", "default", "type", "meaning"],
        [(f.name, f.default, f.type, f.description) for f in fields],
        empty="It has no hyperparameters.",
    )


def _facts(registry: Registry, spec: AlgorithmSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "summary": spec.summary,
        "observations": list(spec.observations),
        "actions": list(spec.actions),
        "needs": spec.needs,
        "paper": spec.paper,
        "plugin": registry.owner(spec.name),
    }
