"""`zoo doctor`: what is installed, what is missing and what is broken."""

from __future__ import annotations

import sys
from itertools import groupby

import click

from zoo.cli.output import json_option, print_json, print_table


@click.command("doctor")
@json_option
def doctor(as_json: bool) -> None:
    """Tell versions, device and what is broken.

    The exit code is 1 where something is broken; what is merely not installed is no fault.
    """
    from zoo.doctor import FAILED, diagnose

    checks = diagnose()
    broken = [check for check in checks if check.status == FAILED]
    if as_json:
        print_json([check.to_json() for check in checks])
    else:
        for group, rows in groupby(checks, key=lambda check: check.group):
            table = [
                (check.name, check.status, "; ".join(filter(None, (check.value, check.hint))))
                for check in rows
            ]
            print_table([group, "status", "finding"], table, empty="")
            click.echo()
        click.echo(f"{len(broken)} broken." if broken else "Nothing is broken.")
    sys.exit(1 if broken else 0)
