"""`zoo recipes`: tuned configs, where their values come from, and RL Zoo's files converted."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.cli.groups import ListingGroup
from zoo.cli.output import json_option, print_json, print_table, printable
from zoo.errors import ZooError


@click.group(cls=ListingGroup)
def recipes() -> None:
    """List, show and convert recipes."""


@recipes.command("list")
@click.option("--algo", "-a", help="Of this algorithm only.")
@json_option
def list_all(algo: str | None, as_json: bool) -> None:
    """List the tuned pairs of algorithm and environment."""
    from zoo.config.recipes import list_recipes

    rows = list_recipes(algo)
    if as_json:
        print_json([{"algorithm": a, "env_id": e, "source": source} for a, e, source in rows])
        return
    print_table(
        ["environment", "algorithm", "source"],
        sorted((env_id, name, source) for name, env_id, source in rows),
        empty="No recipe is there.",
    )


@recipes.command("show")
@click.argument("algo")
@click.argument("env")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a hyperparameter."
)
@click.option(
    "--recipe", type=click.Path(path_type=Path, dir_okay=False), help="Your own recipe file."
)
@json_option
def show(
    algo: str, env: str, overrides: tuple[str, ...], recipe: Path | None, as_json: bool
) -> None:
    """Show every value that training ALGO on ENV would use, and where it comes from."""
    from zoo.config.describe import render_value
    from zoo.config.recipes import load_recipe
    from zoo.environments.ids import resolve

    found = load_recipe(algo, resolve(env), overrides=overrides, user_file=recipe)
    if as_json:
        print_json(
            {
                "algorithm": found.algorithm,
                "env_id": found.env_id,
                "values": {
                    key: {"value": item.value, "source": item.source}
                    for key, item in found.values.items()
                },
            }
        )
        return
    print_table(
        ["key", "value", "from"],
        [(key, render_value(v.value), v.source) for key, v in found.values.items()],
        empty="The recipe is empty.",
    )


@recipes.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file."
)
@click.option("--algo", "-a", help="The algorithm, where the file's name does not tell it.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def import_file(file: Path, output: Path | None, algo: str | None, force: bool) -> None:
    """Convert a recipe file of RL Zoo, without executing what it holds.

    What cannot be carried over, or means something else now, is named on stderr, line by line.
    """
    from zoo.config.rlzoo import convert
    from zoo.storage.files import write_atomically

    if output is not None and output.exists() and not force:
        raise ZooError(f"{output} is there already", "Replace it with --force")
    conversion = convert(file, algo)
    for problem in conversion.problems:
        click.echo(printable(problem), err=True)
    if output is None:
        click.echo(conversion.text_yaml, nl=False)
    else:
        write_atomically(output, conversion.text_yaml)
    entries, remarks = len(conversion.entries), len(conversion.problems)
    click.echo(f"{entries} entries for {conversion.algorithm}, {remarks} remarks", err=True)


@recipes.command("check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--algo", "-a", help="The algorithm, where the file's name does not tell it.")
def check(files: tuple[Path, ...], algo: str | None) -> None:
    """Validate recipe files: those given, else all that are in use."""
    from zoo.config.recipes import check_file, recipe_paths
    from zoo.plugin.registry import get_registry

    if files:
        work = [(path, algo or path.stem) for path in files]
    else:
        names = [algo] if algo else list(get_registry().algorithms)
        work = [(path, name) for name in names for path in recipe_paths(name)]
    problems = [problem for path, name in work for problem in check_file(path, name)]
    for problem in problems:
        click.echo(printable(str(problem)))
    if problems:
        raise ZooError(f"{len(problems)} recipes are not valid", "They are listed above")
    click.echo(f"All recipes in {len(work)} files are valid.")
