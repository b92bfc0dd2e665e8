"""Command line: `python -m documentation [PAGE…] [--check]`; include/ and plugins/ on the path."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from documentation import attributes_page, campaigns_page, dag_page, dictionary_page

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES: dict[str, tuple[Path, Callable[[], str]]] = {
    "attributes": (DOCS / "attributes.md", attributes_page.page),
    "campaigns": (DOCS / "campaigns.md", campaigns_page.page),
    "dags": (DOCS / "dags.md", dag_page.page),
    "dictionary": (DOCS / "data_dictionary.md", dictionary_page.page),
}
_DIFFERENCES_SHOWN = 20

cli = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@cli.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"{', '.join(PAGES)}; none = all.")] = None,
    check: Annotated[bool, typer.Option(help="Write nothing; exit 1 if a page is stale.")] = False,
) -> None:
    """Write docs/attributes.md, docs/campaigns.md, docs/dags.md and docs/data_dictionary.md again."""
    stale = False
    for name in names or list(PAGES):
        if name not in PAGES:
            typer.echo(f"no page '{name}': choose one of {', '.join(PAGES)}", err=True)
            raise typer.Exit(2)
        stale |= _one(*PAGES[name], check=check)
    raise typer.Exit(1 if check and stale else 0)


def _one(file: Path, page: Callable[[], str], *, check: bool) -> bool:
    """Write or check one page; return whether it differed."""
    text = page()
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    if text == before:
        return False
    if check:
        typer.echo(f"{file.relative_to(DOCS.parent)} is stale: run `make docs` and commit it", err=True)
        differences = difflib.unified_diff(before.splitlines(), text.splitlines(), "committed", "now", lineterm="")
        for line in list(differences)[:_DIFFERENCES_SHOWN]:
            typer.echo(line, err=True)
    else:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
        typer.echo(f"wrote {file.relative_to(DOCS.parent)}")
    return True


if __name__ == "__main__":
    sys.exit(cli())
