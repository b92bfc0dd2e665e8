"""The outbox as web pages: a list of what was accepted and each mail as its recipient sees it.

Every page asks for the token printed at start: by a login form, by the printed link `/login?token=…`
(both set a cookie) or by basic auth (any user name, the token as password). The pages run no script, and
a mail is shown in a frame that may not either.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sendgrid_simulator.mail import receive, subject_of
from sendgrid_simulator.outbox import OUTCOMES, Entry
from sendgrid_simulator.service import Simulator

Handler = Callable[[Request], Awaitable[Response]]

COOKIE = "simulator_ui"
ROWS_A_PAGE = 50
LABELS = {
    "processed": ("processed", "quiet"),
    "dropped": ("dropped", "bad"),
    "deferred": ("deferred", "slow"),
    "delivered": ("delivered", "good"),
    "bounce": ("hard bounce", "bad"),
    "async_bounce": ("late bounce", "bad"),
    "block": ("blocked", "slow"),
    "expire": ("expired", "slow"),
    "open": ("opened", "seen"),
    "machine_open": ("machine open", "quiet"),
    "click": ("clicked", "click"),
    "unsubscribe": ("unsubscribed", "bad"),
    "group_unsubscribe": ("left group", "bad"),
    "spamreport": ("spam report", "bad"),
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:; font-src https: data:; "
        "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def routes() -> list[Route]:
    return [
        Route("/", _signed_in(_list), methods=["GET"]),
        Route("/outbox/{number:int}", _signed_in(_mail), methods=["GET"]),
        Route("/login", _login, methods=["GET", "POST"]),
        Route("/logout", _logout, methods=["POST"]),
    ]


def _simulator(request: Request) -> Simulator:
    simulator: Simulator = request.app.state.simulator
    return simulator


def _page(name: str, status: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(_templates().get_template(name).render(**values), status, _HEADERS)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = _moment
    environment.globals["labels"] = LABELS
    return environment


def _moment(seconds: float) -> str:
    """Unix seconds as a UTC time of day with its date, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %b %Y, %H:%M:%S")


def _cookie_value(token: str) -> str:
    """What the cookie holds: something only the token's owner could have been given, not the token."""
    return hmac.new(token.encode(), b"simulator pages", hashlib.sha256).hexdigest()


def _signed_in(handler: Handler) -> Handler:
    @wraps(handler)
    async def guarded(request: Request) -> Response:
        token = _simulator(request).options.ui_token
        if _same(request.cookies.get(COOKIE, ""), _cookie_value(token)) or _same(_basic_password(request), token):
            return await handler(request)
        if request.headers.get("authorization"):
            return Response("wrong token", 401, {"WWW-Authenticate": 'Basic realm="outbox"'})
        return RedirectResponse("/login?" + urlencode({"next": _path_of(request)}), 303)

    return guarded


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _path_of(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _basic_password(request: Request) -> str:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


async def _login(request: Request) -> Response:
    token = _simulator(request).options.ui_token
    target = request.query_params.get("next", "/")
    if not target.startswith("/") or target.startswith(("//", "/\\")):
        target = "/"
    if request.method == "GET" and "token" not in request.query_params:
        return _page("login.html", wrong=False, target=target)
    given = request.query_params.get("token") or (await request.form()).get("token", "")
    if not _same(str(given).strip(), token):
        return _page("login.html", 403, wrong=True, target=target)
    answer = RedirectResponse(target, 303)
    answer.set_cookie(COOKIE, _cookie_value(token), httponly=True, samesite="lax", max_age=7 * 86400)
    return answer


async def _logout(_: Request) -> Response:
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE)
    return answer


async def _list(request: Request) -> Response:
    simulator, query = _simulator(request), request.query_params
    campaign, outcome, search = (query.get(name, "") for name in ("campaign", "outcome", "search"))
    page = int(query["page"]) if query.get("page", "").isdecimal() else 1
    page = min(max(page, 1), 10**6)
    entries, total = simulator.outbox.page(campaign, outcome, search, (page - 1) * ROWS_A_PAGE, ROWS_A_PAGE)
    return _page(
        "list.html",
        rows=[_row(simulator, entry) for entry in entries],
        total=total,
        kept=len(simulator.outbox),
        accepted=simulator.record.recipients,
        counts=simulator.outbox.counts(),
        campaigns=simulator.outbox.campaigns(),
        outcomes=list(OUTCOMES),
        chosen={"campaign": campaign, "outcome": outcome, "search": search},
        page=page,
        pages=max(1, -(-total // ROWS_A_PAGE)),
        link=_linker(campaign, outcome, search),
    )


def _linker(campaign: str, outcome: str, search: str) -> Callable[..., str]:
    """Return a function that writes the address of the list with some of its filters changed."""

    def link(**changed: Any) -> str:
        values = {"campaign": campaign, "outcome": outcome, "search": search, **changed}
        kept = {name: value for name, value in values.items() if value not in ("", 1)}
        return "/?" + urlencode(kept) if kept else "/"

    return link


def _row(simulator: Simulator, entry: Entry) -> dict[str, Any]:
    mail = simulator.outbox.body(entry.request)
    return {
        "number": entry.number,
        "address": entry.recipient.address,
        "name": entry.recipient.name,
        "subject": subject_of(mail, entry.recipient.person),
        "categories": entry.request.categories,
        "accepted_at": entry.request.accepted_at,
        "kinds": [kind for kind in entry.kinds() if kind != "processed" or entry.seen == 1],
    }


async def _mail(request: Request) -> Response:
    simulator = _simulator(request)
    entry = simulator.outbox.get(request.path_params["number"])
    if entry is None:
        return _page("gone.html", 404, number=request.path_params["number"], limit=simulator.outbox.limit)
    received = receive(simulator.outbox.body(entry.request), entry.recipient.person)
    neighbours = [simulator.outbox.get(entry.number + step) for step in (1, -1)]
    return _page(
        "mail.html",
        entry=entry,
        mail=received,
        size=len(received.html.encode()) / 1000,
        newer=neighbours[0],
        older=neighbours[1],
        timeline=[(when, _kind(event), event) for when, event in simulator.timeline(entry)],
        view=request.query_params.get("view", ""),
    )


def _kind(event: dict[str, Any]) -> str:
    """The page's own word for an event: tells bounce from block, and a machine's open from a human's."""
    if event["event"] == "open" and event.get("sg_machine_open"):
        return "machine_open"
    if event["event"] == "bounce":
        if "sg_message_id" not in event:
            return "async_bounce"
        return {"bounce": "bounce", "blocked": "block", "expired": "expire"}[event["type"]]
    return str(event["event"])
