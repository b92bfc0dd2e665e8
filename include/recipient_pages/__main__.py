"""Command line of the recipients' pages: `python -m recipient_pages --help`."""

import logging
import os
import socket
from typing import Annotated

import typer
import uvicorn

from event_collector.connections import BoundedProtocol
from lifecycle_mail.settings import DEVELOPMENT_SECRET
from recipient_pages.reading import Reader
from recipient_pages.settings import PagesError, PagesSettings

_HELP = """Serve the pages behind the links in mails, and write what people say to files.

GET /m/LINK/PAGE shows unsubscribe (leave), preferences, confirm, stay, survey/NAME/ANSWER and the mail itself (view).
Only a POST says something: its lines are on disk in answers-<UTC hour>-<pid>-<random>.ndjson of LIFECYCLE_EVENTS_DIR
before it is answered, and `deliver` takes them in before it claims. GET /health says whether the folder can be written.

Settings come from the environment: LIFECYCLE_PAGES_DATABASE_URL (with the user lifecycle_pages, whom
LIFECYCLE_PAGES_PASSWORD at `migrate` lets in), LIFECYCLE_EVENTS_DIR, LIFECYCLE_LINK_SECRET,
LIFECYCLE_FORMER_LINK_SECRETS (earlier ones, with commas between), LIFECYCLE_MODE, LIFECYCLE_POSTAL_ADDRESS; and what
the connections of one process may cost: LIFECYCLE_PAGES_HEADER_SECONDS (10), LIFECYCLE_PAGES_BODY_SECONDS (15),
LIFECYCLE_PAGES_MAX_CONNECTIONS (500).
"""

log = logging.getLogger("recipient_pages")
cli = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@cli.command(help=_HELP)
def main(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.")] = 8088,
    workers: Annotated[int, typer.Option(help="Processes; each writes files of its own.")] = 1,
) -> None:
    """Refuse with one line if it cannot work, else serve."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = PagesSettings.from_environment(os.environ)
        Reader(settings.database_url).require_few_rights()
        _check_port(host, port)
    except PagesError as problem:
        typer.echo(f"recipient_pages: {problem}", err=True)
        raise typer.Exit(1) from problem
    if settings.link_secrets[0] == DEVELOPMENT_SECRET:
        log.warning("LIFECYCLE_LINK_SECRET is not set: only links of development are read, and anyone can make them")
    typer.echo(f"recipients' pages at http://{host}:{port}, writing to {settings.events_dir}")
    uvicorn.run(
        "recipient_pages.app:from_environment",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="error",
        access_log=False,  # it would hold the links
        timeout_graceful_shutdown=5,
        http=BoundedProtocol,
        ws="none",  # websocket connections would not have any of the limits
    )


def _check_port(host: str, port: int) -> None:
    """Raises: PagesError if the address cannot be listened at."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise PagesError(f"cannot listen at {host}:{port}: {error.strerror}; choose another --port") from error


if __name__ == "__main__":
    cli()
