"""The simulator over HTTP: SendGrid's endpoints, the tests' own endpoints, and the outbox pages.

`create_app` returns the ASGI application. Starlette without a schema library: mail/send must take more
than 15,000 recipients a second.
"""

import asyncio
import hmac
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sendgrid_simulator import pages, validation
from sendgrid_simulator.answers import error, json_answer, refusal
from sendgrid_simulator.connection import cut, half_close, write_raw
from sendgrid_simulator.faults import IN_MID_BODY, Fault, FaultError, Faults, read_faults
from sendgrid_simulator.record import PAGE_MAX
from sendgrid_simulator.service import Options, Simulator
from sendgrid_simulator.suppression_api import Handler, suppression_routes

log = logging.getLogger("sendgrid_simulator")

BODY_BYTES_MAX = 30 * 1024 * 1024
_FLUSH_SECONDS = 0.05
"""Time for bytes to reach the client before the connection is cut."""
_FAULT_MESSAGES = {
    400: "Does not contain a valid address.",
    413: "content too large",
    429: "too many requests",
    500: "internal server error",
    503: "service unavailable",
}


class _TooLarge(Exception):
    """The body passes BODY_BYTES_MAX."""


def create_app(options: Options, faults: Faults | None = None) -> Starlette:
    """Return the application; its Simulator is at `app.state.simulator`."""
    simulator = Simulator(options)
    simulator.faults = faults or Faults()
    routes = [
        Route("/v3/mail/send", _send, methods=["POST"]),
        Route("/v3/mail/batch", _new_batch, methods=["POST"]),
        Route("/v3/mail/batch/{batch_id}", _get_batch, methods=["GET"]),
        Route("/v3/user/webhooks/event/settings/signed", _public_key, methods=["GET"]),
        Route("/v3/user/webhooks/event/settings/signed/{id}", _public_key, methods=["GET"]),
        *suppression_routes(_misbehaving),
        Route("/simulator/state", _state, methods=["GET"]),
        Route("/simulator/accepted/count", _accepted_count, methods=["GET"]),
        Route("/simulator/accepted", _accepted, methods=["GET"]),
        Route("/simulator/reset", _reset, methods=["POST"]),
        Route("/simulator/faults", _set_faults, methods=["GET", "POST"]),
        Route("/simulator/suppression-faults", _set_suppression_faults, methods=["GET", "POST"]),
        *pages.routes(),
    ]
    app = Starlette(routes=routes, lifespan=_lifespan, exception_handlers={HTTPException: _http_error})
    app.state.simulator = simulator
    app.add_middleware(_BearerKey, key=options.api_key)
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    player = asyncio.create_task(app.state.simulator.run())
    yield
    player.cancel()
    with suppress(asyncio.CancelledError):
        await player


class _BearerKey:
    """Everything but the pages needs `Authorization: Bearer <key>`; 401 in SendGrid's form without it."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self.app = app
        self.wanted = b"Bearer " + key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(("/v3/", "/simulator/")):
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            if not hmac.compare_digest(given, self.wanted):
                message = (
                    "The provided authorization grant is invalid, expired, or revoked" if given
                    else "authorization required"
                )  # fmt: skip
                await error(401, message)(scope, receive, send)
                return
        await self.app(scope, receive, send)


async def _http_error(_: Request, problem: Exception) -> Response:
    """404 and 405 in SendGrid's form."""
    status = problem.status_code if isinstance(problem, HTTPException) else 500
    return error(status, {404: "not found", 405: "method not allowed"}.get(status, "internal server error"))


def _simulator(request: Request) -> Simulator:
    simulator: Simulator = request.app.state.simulator
    return simulator


async def _send(request: Request) -> Response:
    """POST /v3/mail/send: delay and faults around the honest answer."""
    simulator = _simulator(request)
    simulator.received += 1
    fault = simulator.faults.choose(simulator.options.seed, simulator.received)
    if fault is not None and fault.answer in IN_MID_BODY:
        return await _break_off(request, fault)
    try:
        body = await _read(request)
    except _TooLarge:
        return error(413, "content too large")
    except ClientDisconnect:
        return Response(status_code=400)
    if simulator.faults.delay_ms:
        await asyncio.sleep(simulator.faults.delay_ms / 1000)
    within_limit = simulator.rate_window.take(time.time())
    headers = simulator.rate_window.headers()
    if not within_limit:
        return error(429, "too many requests", headers=headers)
    if fault is not None and not fault.accepted:
        return await _misbehave(request, fault, headers)
    answer = _take(simulator, request, body, headers)
    if fault is not None and answer.status_code == 202:
        return await _misbehave(request, fault, headers)
    return answer


async def _read(request: Request) -> bytes:
    """Return the whole body. Raises: _TooLarge as soon as it passes the limit."""
    if int(request.headers.get("content-length", 0)) > BODY_BYTES_MAX:
        raise _TooLarge
    chunks, size = [], 0
    async for chunk in request.stream():
        chunks.append(chunk)
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise _TooLarge
    return b"".join(chunks)


def _take(simulator: Simulator, request: Request, body: bytes, headers: dict[str, str]) -> Response:
    """The honest answer: refuse what is wrong, else accept (or only count) and answer 202."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return error(415, "Content-Type should be application/json.", headers=headers)
    if request.headers.get("content-encoding", "identity") != "identity":
        return error(415, "This account may not send compressed bodies.", headers=headers)
    if simulator.options.sink:
        # Within JSON a text cannot hold this: its quotes would be escaped. Reading 4 MB would measure the receiver.
        simulator.sink(body.count(b'"to":['))
        return Response(status_code=202, headers={**headers, "X-Message-Id": f"sink-{simulator.sunk[1]}"})
    try:
        mail = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _unreadable(body, headers)
    return _judge(simulator, mail, body, headers)


def _unreadable(body: bytes, headers: dict[str, str]) -> Response:
    try:
        body.decode()
    except UnicodeDecodeError:
        return error(415, "The body must be UTF-8.", headers=headers)
    return error(400, "Bad Request", headers=headers)


def _judge(simulator: Simulator, mail: Any, body: bytes, headers: dict[str, str]) -> Response:
    account, now = simulator.account, time.time()
    known_groups = frozenset(account.groups) if account.strict_groups else None
    problems = validation.check_mail(mail, validation.Scope(now, known_groups, frozenset(account.batches)))
    if problems:
        return refusal(400, problems, headers)
    if not _sender_verified(simulator.options, mail):
        message = "The from address does not match a verified Sender Identity."
        return error(403, message, "from", headers)
    if validation.is_sandboxed(mail):
        return Response(status_code=200, headers=headers)
    x_message_id = simulator.accept(mail, body, now)
    return Response(status_code=202, headers={**headers, "X-Message-Id": x_message_id})


def _sender_verified(options: Options, mail: dict[str, Any]) -> bool:
    """Every sender must be a verified address or lie in a verified domain, where any are named."""
    if not options.verified_senders:
        return True
    senders = {mail["from"]["email"]} | {one["from"]["email"] for one in mail["personalizations"] if "from" in one}
    return all(
        sender.lower() in options.verified_senders or sender.lower().rpartition("@")[2] in options.verified_senders
        for sender in senders
    )


def _misbehaving(handler: Handler) -> Handler:
    """Delay and faults around an endpoint of the suppression API."""

    async def answer(request: Request) -> Response:
        simulator = _simulator(request)
        simulator.suppression_requests += 1
        faults = simulator.suppression_faults
        fault = faults.choose(simulator.options.seed, simulator.suppression_requests)
        if faults.delay_ms:
            await asyncio.sleep(faults.delay_ms / 1000)
        if fault is None:
            return await handler(request)
        if fault.accepted:
            await handler(request)
        return await _misbehave(request, fault, simulator.rate_window.headers())

    return answer


async def _break_off(request: Request, fault: Fault) -> Response:
    """Stop reading in the middle of the body: half of it for a reset, its beginning for a stall."""
    half, seen = int(request.headers.get("content-length", 0)) / 2, 0
    with suppress(ClientDisconnect):
        async for chunk in request.stream():
            seen += len(chunk)
            if seen >= half or fault.answer == "stall_body":
                break
        if fault.answer == "stall_body":
            await asyncio.sleep(fault.seconds)
        await cut(request, reset=fault.answer == "reset_body")
    return Response(status_code=500)


async def _misbehave(request: Request, fault: Fault, rate_headers: dict[str, str]) -> Response:
    if fault.answer == "status":
        return _failed(fault, rate_headers if fault.rate_headers else {})
    if fault.answer == "cut_answer":
        return _CutAnswer(request, 202 if fault.accepted else fault.status)
    if fault.answer == "not_http":
        write_raw(request, b"\x00\xff\xfe no protocol \r\n\r\n")
    if fault.answer == "half_close":
        half_close(request)
    if fault.answer in ("hang", "half_close"):
        with suppress(TimeoutError):
            await asyncio.wait_for(_gone(request), fault.seconds)
    if fault.answer == "not_http":
        await asyncio.sleep(_FLUSH_SECONDS)
    await cut(request, reset=fault.answer == "reset")
    return Response(status_code=500)


class _CutAnswer(Response):
    """Begins an answer, and resets the connection before it is whole."""

    def __init__(self, request: Request, status: int) -> None:
        super().__init__(b"{", status, {"Content-Length": "1000"})
        self.request = request

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await asyncio.sleep(_FLUSH_SECONDS)
        await cut(self.request, reset=True)


async def _gone(request: Request) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(0.02)


def _failed(fault: Fault, headers: dict[str, str]) -> Response:
    if headers and fault.rate_reset_seconds is not None:
        headers = {**headers, "X-RateLimit-Reset": str(int(time.time() + fault.rate_reset_seconds))}
    if fault.body == "empty":
        return Response(status_code=fault.status, headers=headers)
    if fault.body == "garbage":
        return Response(b"<html><b>upstream \xff\xfe", fault.status, headers, media_type="text/html")
    field = None if fault.recipient is None else f"personalizations.{fault.recipient}.to.0.email"
    return error(fault.status, _FAULT_MESSAGES.get(fault.status, "error"), field, headers)


async def _new_batch(request: Request) -> Response:
    return json_answer({"batch_id": _simulator(request).account.new_batch()}, 201)


async def _get_batch(request: Request) -> Response:
    batch = request.path_params["batch_id"]
    if batch not in _simulator(request).account.batches:
        return error(400, "invalid batch id", "batch_id")
    return json_answer({"batch_id": batch})


async def _public_key(request: Request) -> Response:
    return json_answer({"public_key": _simulator(request).signer.public_key})


async def _state(request: Request) -> Response:
    return json_answer(_simulator(request).state())


async def _accepted_count(request: Request) -> Response:
    """{"recipients", "requests"}, and with ?distinct=1 also "distinct_message_ids" from the whole file."""
    simulator = _simulator(request)
    counts = {
        "recipients": simulator.record.recipients + simulator.sunk[0],
        "requests": simulator.record.requests + simulator.sunk[1],
    }
    if request.query_params.get("distinct"):
        counts["distinct_message_ids"] = await asyncio.to_thread(simulator.record.distinct_message_ids)
    return json_answer(counts)


async def _accepted(request: Request) -> Response:
    try:
        offset, limit = (
            int(request.query_params.get(name, default)) for name, default in (("offset", 0), ("limit", 1000))
        )
    except ValueError:
        return error(400, "offset and limit must be integers")
    record = _simulator(request).record
    items = await asyncio.to_thread(record.page, max(offset, 0), min(max(limit, 1), PAGE_MAX))
    return json_answer({"total": record.recipients, "offset": offset, "items": items})


async def _reset(request: Request) -> Response:
    _simulator(request).reset()
    return json_answer({"recipients": 0})


async def _set_faults(request: Request) -> Response:
    """Faults of mail/send: GET shows those in force, POST replaces them all; {} ends them."""
    return await _faults_of(request, "faults")


async def _set_suppression_faults(request: Request) -> Response:
    """The same for the suppression endpoints."""
    return await _faults_of(request, "suppression_faults")


async def _faults_of(request: Request, name: str) -> Response:
    simulator = _simulator(request)
    if request.method == "POST":
        try:
            setattr(simulator, name, read_faults(orjson.loads(await request.body() or b"{}")))
        except (FaultError, orjson.JSONDecodeError) as problem:
            return error(400, str(problem))
    return json_answer(getattr(simulator, name).as_json())
