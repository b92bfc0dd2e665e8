"""Commands about offers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from lifecycle_mail.command_line.arguments import moment, present
from lifecycle_mail.command_line.console import results
from lifecycle_mail.pipeline import open_installation
from lifecycle_mail.settings import Settings

app = typer.Typer(help="Tell the shop the codes that mails gave out.", no_args_is_help=True)


@app.callback()
def offers() -> None:
    """Tell the shop the codes that mails gave out."""


@app.command("export")
def offers_export(
    folder: Annotated[Path, typer.Argument(help="Where the file goes.", metavar="DIR")],
    since: Annotated[
        str | None, typer.Option("--since", help="Tell again what was told since then.", metavar="TIME")
    ] = None,
) -> None:
    """Write the codes that are new or changed to a file, in the form of the feed `offers`."""
    now = present()
    asked = None if since is None else moment(since)
    told = open_installation(Settings.from_environment(os.environ)).export_offers(folder, now, asked)
    results.print(f"{told.file}: {told.codes} codes" if told.file else "no code is new or changed", soft_wrap=True)
