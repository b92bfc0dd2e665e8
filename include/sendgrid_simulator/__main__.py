"""Command line of the simulator: `python -m sendgrid_simulator --help`."""

import dataclasses
import logging
import os
import secrets
import socket
import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
import uvicorn
from starlette.applications import Starlette

from sendgrid_simulator.connection import CuttableProtocol
from sendgrid_simulator.faults import FaultError, Faults, fault_from_text
from sendgrid_simulator.recipients import FORCED, Rates
from sendgrid_simulator.server import create_app
from sendgrid_simulator.service import Options
from sendgrid_simulator.webhook import SigningKeyError

DEFAULT_KEY = "SG.simulator"

_RATES = ", ".join(f"{field.name}={field.default}" for field in dataclasses.fields(Rates))
_HELP = f"""A stand-in for SendGrid that mails nobody.

It answers POST /v3/mail/send as SendGrid does (every limit, errors that name the field, 202 with
X-Message-Id), plays recipients from a seed, posts signed events to --webhook-url in disorder and with
duplicates, keeps the suppression lists, and shows its outbox as a web page.

What it accepted is written to DIR/accepted.ndjson before the 202 leaves, one line a recipient: count
from that file in tests. The webhook's public key lies in DIR/webhook_public_key.txt, the address it
listens at in DIR/simulator.json.

Force one recipient's behaviour by the local part of its address, for example bounce+1@example.com.
Known words: {", ".join(sorted(FORCED))}.

Rates that --rate sets, with their defaults: {_RATES}.

For tests: GET /simulator/state, GET /simulator/accepted, GET /simulator/accepted/count?distinct=1,
POST /simulator/reset, GET and POST /simulator/faults; all with the bearer key.
"""

cli = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@cli.command(help=_HELP)
def main(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 takes a free one.")] = 8085,
    record: Annotated[Path, typer.Option(help="Folder for the record, the keys and simulator.json.")] = Path(
        "simulator-record"
    ),
    seed: Annotated[int, typer.Option(help="The same seed makes the same recipients do the same things.")] = 7,
    webhook_url: Annotated[str | None, typer.Option(help="Where events are posted; without it nowhere.")] = None,
    private_key: Annotated[
        Path | None,
        typer.Option(help="PEM file of the webhook's P-256 key; else one is made in the record folder."),
    ] = None,
    api_key: Annotated[
        str, typer.Option(envvar="SENDGRID_API_KEY", help="The only bearer key that is accepted.")
    ] = DEFAULT_KEY,
    ui_token: Annotated[
        str | None,
        typer.Option(envvar="SIMULATOR_UI_TOKEN", help="Token of the web pages; else a random one."),
    ] = None,
    rate: Annotated[
        list[str] | None, typer.Option(help="NAME=SHARE of what recipients do, for example open=0.6; repeat.")
    ] = None,
    speed: Annotated[
        float,
        typer.Option(help="How many seconds of a recipient's life pass in one; 3600 ends all within seconds."),
    ] = 3600.0,
    reading_seconds: Annotated[
        float, typer.Option(help="Seconds of the clock, besides, before a person does anything with a mail.")
    ] = 0.0,
    disorder: Annotated[float, typer.Option(help="Share of events that are posted late.")] = 0.2,
    duplicates: Annotated[float, typer.Option(help="Share of events that are posted more than once.")] = 0.05,
    post_every: Annotated[float, typer.Option(help="Seconds between two rounds of webhook posts.")] = 0.25,
    group: Annotated[
        list[str] | None,
        typer.Option(help="ID:NAME of an unsubscribe group; repeat. With none, any group a mail names exists."),
    ] = None,
    verified_sender: Annotated[
        list[str] | None,
        typer.Option(help="Address or domain that may send, else 403; repeat. None: anyone may."),
    ] = None,
    rate_limit: Annotated[int, typer.Option(help="Requests a minute before 429; 0 is no limit.")] = 0,
    outbox_limit: Annotated[int, typer.Option(help="Recipients the web page keeps; the record keeps all.")] = 100_000,
    sink: Annotated[bool, typer.Option(help="Count only: parse, count personalizations, keep nothing.")] = False,
    delay_ms: Annotated[float, typer.Option(help="Milliseconds every answer of mail/send is held back.")] = 0.0,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="status=503:0.1, accepted-status=500:0.05, drop:0.01, accepted-drop:0.01; repeat."),
    ] = None,
) -> None:
    """Collect the options, refuse what cannot work with one line, and serve."""
    if api_key == DEFAULT_KEY and host not in ("127.0.0.1", "localhost", "::1"):
        _refuse(f"listening at {host} needs a key of your own: set --api-key or SENDGRID_API_KEY")
    try:
        options = Options(
            record=record,
            seed=seed,
            api_key=api_key,
            ui_token=ui_token or secrets.token_urlsafe(12),
            webhook_url=webhook_url,
            private_key=private_key,
            rates=_rates(rate or []),
            speed=speed,
            reading_seconds=reading_seconds,
            disorder=disorder,
            duplicates=duplicates,
            post_every_seconds=post_every,
            groups=_groups(group or []),
            verified_senders=tuple(one.lower() for one in verified_sender or []),
            rate_limit=rate_limit,
            outbox_limit=outbox_limit,
            sink=sink,
        )
        app = create_app(options, Faults(delay_ms, [fault_from_text(one) for one in fault or []]))
        _serve(app, options, host, port)
    except (ValueError, FaultError, SigningKeyError, OSError) as problem:
        _refuse(str(problem))


def _rates(settings: list[str]) -> Rates:
    known = {field.name for field in dataclasses.fields(Rates)}
    chosen = {}
    for setting in settings:
        name, _, share = setting.partition("=")
        if name not in known:
            raise ValueError(f"--rate {setting}: no rate is called {name!r}; there are {', '.join(sorted(known))}")
        chosen[name] = float(share)
    return Rates(**chosen)


def _groups(settings: list[str]) -> dict[int, str]:
    groups = {}
    for setting in settings:
        number, _, name = setting.partition(":")
        if not number.isdecimal():
            raise ValueError(f"--group {setting}: write ID:NAME with a number as ID")
        groups[int(number)] = name or f"Group {number}"
    return groups


def _serve(app: Starlette, options: Options, host: str, port: int) -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
        http=CuttableProtocol,
        log_level="warning",
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=3,
    )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), backlog=2048, family=family)
    url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    simulator = app.state.simulator
    about = {"url": url, "pid": os.getpid(), "webhook_public_key": simulator.signer.public_key}
    (options.record / "simulator.json").write_bytes(orjson.dumps(about))
    typer.echo(f"SendGrid simulator at {url}")
    typer.echo(f"  outbox:             {url}/login?token={options.ui_token}")
    typer.echo(f"  webhook public key: {simulator.signer.public_key}")
    typer.echo(f"  record:             {options.record / 'accepted.ndjson'}")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listener])


def _refuse(message: str) -> None:
    typer.echo(f"sendgrid_simulator: {message}", err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    cli()
