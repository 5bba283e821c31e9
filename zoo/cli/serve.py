"""`zoo hub serve` and `zoo hub token`: a hub for a lab or a class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.cli import options as opt
from zoo.cli.groups import ListingGroup
from zoo.cli.output import json_option, print_json, print_table

_token_file = click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The file of the tokens' hashes.  [default: .tokens.json in the hub]",
)


@click.command("serve")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False))
@opt.add(
    click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen."),
    click.option(
        "--port", type=click.IntRange(0, 65535), default=7860, show_default=True,
        help="0 takes one that is free.",
    ),
    _token_file,
    click.option(
        "--max-size", type=opt.Bytes(), default="1G", show_default=True, metavar="SIZE",
        help="How large a file may be: 500M, 2G.",
    ),
    click.option("--closed", is_flag=True, help="Want a token for reading, too."),
)  # fmt: skip
def serve(
    folder: str, *, host: str, port: int, token_file: Path | None, max_size: int, closed: bool
) -> None:
    """Serve the hub in DIR to zoo and to the Hugging Face client.

    Others use it with --endpoint, or set HF_ENDPOINT. Writing needs a token in HF_TOKEN; `zoo hub
    token add` makes it, and ZOO_HUB_SERVER_TOKEN may hold one more. Ctrl-C stops it.
    """
    from zoo.hub.server import run

    run.serve(
        folder,
        host=host,
        port=port,
        tokens=token_file,
        max_size=max_size,
        closed=closed,
        started=lambda url: click.echo(f"serving {folder} at {url}"),
    )


@click.group("token", cls=ListingGroup)
def token() -> None:
    """Make, list and revoke tokens for a served hub."""


@token.command("add")
@click.argument("name")
@opt.add(
    opt.folder_option,
    _token_file,
    click.option("--read-only", is_flag=True, help="It may read what is private, and not write."),
    click.option(
        "--namespace", "namespaces", multiple=True, metavar="NAME",
        help="Only for the repositories NAME/...; may be given several times.",
    ),
)  # fmt: skip
def add(
    name: str,
    *,
    folder: str | None,
    token_file: Path | None,
    read_only: bool,
    namespaces: tuple[str, ...],
) -> None:
    """Make a token for NAME and print it, this once only."""
    from zoo.hub.server.tokens import add_token

    path = _path(folder, token_file)
    click.echo(add_token(path, name, write=not read_only, namespaces=namespaces))


@token.command("rm")
@click.argument("name")
@opt.folder_option
@_token_file
def remove(name: str, folder: str | None, token_file: Path | None) -> None:
    """Revoke the token of NAME; a running server refuses it at once."""
    from zoo.hub.server.tokens import remove_token

    remove_token(_path(folder, token_file), name)
    click.echo(f"revoked the token of {name}")


@token.command("list")
@opt.folder_option
@_token_file
@json_option
def list_all(folder: str | None, token_file: Path | None, as_json: bool) -> None:
    """List who has a token; the tokens themselves are kept nowhere."""
    from zoo.hub.server.tokens import list_tokens

    rows: list[dict[str, Any]] = [
        {"name": entry["name"], "write": entry["write"], "namespaces": entry["namespaces"]}
        for entry in list_tokens(_path(folder, token_file))
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ["name", "writes", "namespaces"],
        [(row["name"], row["write"], row["namespaces"] or "all") for row in rows],
        empty="Nobody has a token. Make one: zoo hub token add NAME",
    )


def _path(folder: str | None, given: Path | None) -> Path:
    from zoo.hub.server.run import token_file

    return given or token_file(folder)
