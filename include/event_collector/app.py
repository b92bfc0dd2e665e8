"""The collector over HTTP: POST /events, one-click unsubscribe, GET /health.

`create_app` builds the ASGI application; uvicorn's workers each call `from_environment`. Nothing here
logs an address, a token or a body.
"""

import hashlib
import json
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import anyio.to_thread
import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from event_collector import pages
from event_collector.connections import STATE, Connections
from event_collector.journal import ANSWERS, Journal, NotWritten
from event_collector.links import BadToken, read_token
from event_collector.settings import CollectorError, CollectorSettings, check_writable
from event_collector.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, NotSigned, check_headers, verify

log = logging.getLogger("event_collector")

ONE_CLICK = "one-click"
_PART_NAME = re.compile(rb"name=\"?list-unsubscribe\b")
FORM_BYTES_MAX = 4096
_AROUND_LINKS = " \t\r\n/.,;:!?()<>[]\"'\u2068\u2069"
_PAGE_HEADERS = {
    "Content-Security-Policy": ("default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def from_environment() -> Starlette:
    """Build the application of one worker from the environment."""
    return create_app(CollectorSettings.from_environment(os.environ))


def create_app(settings: CollectorSettings, clock: Callable[[], float] = time.time) -> Starlette:
    """Return the application; `clock` gives unix seconds. Its journals are at `app.state`: of events, and of
    `answers`, what people said themselves."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Connections]]:
        yield {STATE: Connections(settings)}
        await app.state.journal.close()
        await app.state.answers.close()

    app = Starlette(
        middleware=[Middleware(_OneSlash)],
        routes=[
            Route("/events", _events, methods=["POST"]),
            # SendGrid follows no redirect, so an address with a slash at its end must answer as well.
            Route("/events/", _events, methods=["POST"]),
            Route("/unsubscribe", _unreadable, methods=["GET", "POST"]),
            Route("/unsubscribe/{token:path}", _ask, methods=["GET"]),
            Route("/unsubscribe/{token:path}", _unsubscribe, methods=["POST"]),
            Route("/health", _health, methods=["GET"]),
        ],
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.clock = clock
    app.state.journal = Journal(settings.events_dir, settings.max_file_bytes, clock)
    app.state.answers = Journal(settings.events_dir, settings.max_file_bytes, clock, ANSWERS)
    return app


class _OneSlash:
    """Reads several slashes of a path as one: an address that ends with a slash was joined to a path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "//" in scope.get("path", ""):
            scope = {**scope, "path": re.sub("//+", "/", scope["path"])}
        await self._app(scope, receive, send)


async def _events(request: Request) -> Response:
    """Take one signed post: 200 once every event is on disk; 403, 413, 400 or 503 and nothing written."""
    settings: CollectorSettings = request.app.state.settings
    try:
        _check_headers(request, settings)
        body = await _read(request, settings.max_body_bytes)
        _check_signature(request, settings, body)
        lines = to_lines(body)
        if lines:
            await request.app.state.journal.append(b"".join(lines), len(lines))
    except NotSigned as problem:
        log.warning("refused a post to /events: %s", problem)
        return _plain(403, str(problem))
    except ValueError as problem:
        log.warning("refused a signed post to /events: %s", problem)
        return _plain(400, str(problem))
    except NotWritten:
        return _plain(503, "not stored, please retry")
    return Response(status_code=200)


async def _read(request: Request, limit: int) -> bytes:
    """Return the raw body without inflating it, because the signature covers the bytes as they came.

    Raises: HTTPException 413 as soon as the body exceeds the limit, 400 if the connection ended before the body did.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit:
        raise HTTPException(413)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise HTTPException(413)
    except ClientDisconnect:
        raise HTTPException(400) from None
    return bytes(body)


def _check_headers(request: Request, settings: CollectorSettings) -> None:
    """Refuse a post that cannot be signed before its body is read."""
    if settings.public_keys:
        check_headers(*_signature_headers(request), request.app.state.clock(), settings.tolerance_seconds)


def _check_signature(request: Request, settings: CollectorSettings, body: bytes) -> None:
    if settings.public_keys:
        signature, timestamp = _signature_headers(request)
        now = request.app.state.clock()
        verify(settings.public_keys, signature, timestamp, body, now, settings.tolerance_seconds)


def _signature_headers(request: Request) -> tuple[str | None, str | None]:
    return request.headers.get(SIGNATURE_HEADER), request.headers.get(TIMESTAMP_HEADER)


def to_lines(body: bytes) -> list[bytes]:
    """Return one compact JSON line for each element of a JSON array of events.

    An element that is no object is a line too: it costs no other event, and the ingest sets it aside by its reason.
    Raises: ValueError if the body is not a JSON array with an object in it, or empty; the message does not quote the
    body.
    """
    events = _parse(body.removeprefix(b"\xef\xbb\xbf"))
    if not isinstance(events, list):
        raise ValueError("the body is not a JSON array")
    if events and not any(isinstance(event, dict) for event in events):
        raise ValueError("no element of the array is an object")
    return [_line(event) for event in events]


def _parse(body: bytes) -> Any:
    """Parse strictly and fast, else leniently, because a signed event with a lone surrogate must not be lost."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body.decode(errors="replace"), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None


def _line(event: Any) -> bytes:
    try:
        return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return _lenient_line(event)


def _lenient_line(event: Any) -> bytes:
    """Write what a strict writer refuses. If an event is nested too deeply to be written, write its plain fields."""
    try:
        text = json.dumps(event, separators=(",", ":"), allow_nan=False)
    except RecursionError:
        fields = event.items() if isinstance(event, dict) else ()
        plain = {name: value for name, value in fields if not isinstance(value, dict | list)}
        text = json.dumps(plain, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


async def _ask(request: Request) -> Response:
    """Show the page with its button. A GET never unsubscribes: scanners follow links."""
    if _read_link(request) is None:
        return await _unreadable(request)
    return HTMLResponse(pages.ASK, headers=_PAGE_HEADERS)


async def _unreadable(request: Request) -> Response:  # noqa: ARG001  (a route of Starlette)
    """Tell a person whose link is damaged, or of another secret, what to do. Programs see the 404."""
    return HTMLResponse(pages.UNREADABLE, 404, headers=_PAGE_HEADERS)


async def _unsubscribe(request: Request) -> Response:
    """RFC 8058: the link alone names mail and topic, and the body confirms; 200 once the line is on disk."""
    link = _read_link(request)
    if link is None:
        return await _unreadable(request)
    if not await _is_one_click(request):
        return _plain(400, "the body must be List-Unsubscribe=One-Click")
    line = _unsubscribe_line(_token(request), *link, int(request.app.state.clock()))
    try:
        await request.app.state.answers.append(line, 1)
    except NotWritten:
        return HTMLResponse(pages.NOT_STORED, 503, headers=_PAGE_HEADERS)
    return HTMLResponse(pages.DONE, headers=_PAGE_HEADERS)


def _read_link(request: Request) -> tuple[str, str] | None:
    try:
        return read_token(request.app.state.settings.link_secret, _token(request))
    except BadToken:
        return None


def _token(request: Request) -> str:
    """Return the link's token without the signs that a mail program took along from the text around it."""
    return str(request.path_params["token"]).strip(_AROUND_LINKS)


async def _is_one_click(request: Request) -> bool:
    """RFC 8058 allows a urlencoded form and multipart/form-data. Case, quotes and a line end say nothing else."""
    body = (await _read(request, FORM_BYTES_MAX)).lower()
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return _PART_NAME.search(body) is not None and ONE_CLICK.encode() in body
    told = parse_qs(body.decode("latin-1").strip()).get("list-unsubscribe", [])
    return [one.strip() for one in told] == [ONE_CLICK]


def _unsubscribe_line(token: str, message_id: str, topic: str, timestamp: int) -> bytes:
    """An event of our own, told from others by its link and second: who came back in between has left again.

    The line itself, read a second time, is a duplicate.
    """
    event = {
        "event": "lm_unsubscribe",
        "sg_event_id": "lm-" + hashlib.sha256(f"{token} {timestamp}".encode()).hexdigest()[:32],
        "timestamp": timestamp,
        "lm_message_id": message_id,
        "lm_topic": topic,
    }
    return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)


async def _health(request: Request) -> Response:
    """Answer 200 if the folder can be written, else 503; numbers only."""
    journals: tuple[Journal, ...] = (request.app.state.journal, request.app.state.answers)
    try:
        await anyio.to_thread.run_sync(check_writable, request.app.state.settings.events_dir)
    except CollectorError:
        return JSONResponse({"status": "cannot write"}, 503)
    lines, fsyncs = (sum(getattr(one, name) for one in journals) for name in ("lines", "fsyncs"))
    return JSONResponse({"status": "ok", "lines_written": lines, "fsyncs": fsyncs})


def _plain(status: int, text: str) -> Response:
    return Response(text + "\n", status, media_type="text/plain")
