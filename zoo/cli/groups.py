"""Groups of commands: they suggest, they import lazily, and a bare listing group lists."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from zoo.errors import ZooError, did_you_mean


class LazyCommand(NamedTuple):
    """Where a command lives, and the line that `--help` shows without importing it."""

    target: str  # "module:object"
    help: str


class SuggestingGroup(click.Group):
    """A group that answers an unknown command with the nearest ones (a usage error, exit 2)."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None:
            known = self.list_commands(ctx)
            hint = did_you_mean(args[0], known, otherwise=f"Commands: {', '.join(known)}")
            raise click.UsageError(f"there is no command {args[0]!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)


class ListingGroup(SuggestingGroup):
    """A group whose `list` command may be left out: `zoo runs --json` is `zoo runs list --json`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        wants_help = bool(args) and args[0] in self.get_help_option_names(ctx)
        if not args or (args[0].startswith("-") and not wants_help):
            args = ["list", *args]
        return super().parse_args(ctx, args)


class RootGroup(SuggestingGroup):
    """The command `zoo`: imports a command when it runs, and turns errors into exit codes.

    0 done, 1 a user's error, 2 wrong usage, 130 interrupted. A closed pipe (`zoo envs | head`)
    is no error: who reads has read enough.
    """

    def __init__(
        self, *args: Any, sections: Mapping[str, Mapping[str, LazyCommand]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections
        self.table = {name: row for rows in sections.values() for name, row in rows.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.table:
            return None
        module, _, attribute = self.table[cmd_name].target.partition(":")
        return getattr(import_module(module), attribute)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, from the table alone."""
        for section, rows in self.sections.items():
            with formatter.section(section):
                formatter.write_dl([(name, row.help) for name, row in rows.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except ZooError as error:
            if os.environ.get("ZOO_DEBUG", "") not in ("", "0"):
                raise
            from zoo.cli.output import printable

            raise click.ClickException(printable(str(error))) from error
        except BrokenPipeError:
            # Python flushes stdout once more at exit; let that go nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except KeyboardInterrupt:
            click.echo("Interrupted", err=True)
            ctx.exit(130)
        except click.Abort as abort:
            if not isinstance(abort.__context__, KeyboardInterrupt):
                raise  # somebody answered no
            click.echo("Interrupted", err=True)
            ctx.exit(130)
