"""Command line of the collector: `python -m event_collector --help`."""

import logging
import os
import socket
from typing import Annotated

import typer
import uvicorn

from event_collector.connections import BoundedProtocol
from event_collector.settings import DEVELOPMENT_SECRET, INSECURE, CollectorError, CollectorSettings

_HELP = """Receive SendGrid's signed Event Webhook and one-click unsubscribes, and write both to files.

POST /events checks the signature on the raw bytes, appends one event a line to
events-<UTC hour>-<pid>-<random>.ndjson in LIFECYCLE_EVENTS_DIR, and answers 2xx only once the lines are
on disk. `python -m lifecycle_mail events ingest` reads the files.

POST /unsubscribe/TOKEN with the body List-Unsubscribe=One-Click (RFC 8058) writes an lm_unsubscribe line to
answers-<UTC hour>-<pid>-<random>.ndjson, which `deliver` reads before it claims; GET shows a page with one button.
GET /health says whether the folder can be written.

Settings come from the environment: LIFECYCLE_EVENTS_DIR (must exist), SENDGRID_WEBHOOK_PUBLIC_KEY or
SENDGRID_WEBHOOK_PUBLIC_KEY_FILE, LIFECYCLE_LINK_SECRET; LIFECYCLE_COLLECTOR_TOLERANCE_HOURS (26),
LIFECYCLE_COLLECTOR_MAX_BODY_BYTES (2000000), LIFECYCLE_COLLECTOR_MAX_FILE_BYTES (256000000); and what the
connections of one process may cost: LIFECYCLE_COLLECTOR_HEADER_SECONDS (10), LIFECYCLE_COLLECTOR_BODY_SECONDS
(15), LIFECYCLE_COLLECTOR_MAX_CONNECTIONS (500), LIFECYCLE_COLLECTOR_MAX_HELD_BYTES (64000000).
"""

log = logging.getLogger("event_collector")
cli = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@cli.command(help=_HELP)
def main(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.")] = 8086,
    workers: Annotated[int, typer.Option(help="Processes; each writes files of its own.")] = 1,
    insecure_without_signature: Annotated[
        bool,
        typer.Option(
            "--insecure-without-signature",
            help="Take unsigned posts. For tests only: anyone may then write events.",
        ),
    ] = False,
) -> None:
    """Refuse with one line if it cannot work, else serve."""
    if insecure_without_signature:
        os.environ[INSECURE] = "1"
    else:
        os.environ.pop(INSECURE, None)
    try:
        settings = CollectorSettings.from_environment(os.environ)
        _check_port(host, port)
    except CollectorError as problem:
        typer.echo(f"event_collector: {problem}", err=True)
        raise typer.Exit(1) from problem
    _warn(settings)
    typer.echo(f"event collector at http://{host}:{port}, writing to {settings.events_dir}")
    uvicorn.run(
        "event_collector.app:from_environment",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_level="error",  # its warnings are a line per bad request; connections.py counts them
        access_log=False,
        timeout_graceful_shutdown=5,
        http=BoundedProtocol,
        ws="none",  # websocket connections would not have any of the limits
    )


def _check_port(host: str, port: int) -> None:
    """Raises: CollectorError if the address cannot be listened at; uvicorn's own error would be longer."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise CollectorError(f"cannot listen at {host}:{port}: {error.strerror}; choose another --port") from error


def _warn(settings: CollectorSettings) -> None:
    """Log which checks are switched off; the process goes on."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if not settings.public_keys:
        log.warning("signatures are not checked: anyone may write events")
    if settings.link_secret == DEVELOPMENT_SECRET:
        log.warning("LIFECYCLE_LINK_SECRET is not set: only links of development are read, and anyone can make them")


if __name__ == "__main__":
    cli()
