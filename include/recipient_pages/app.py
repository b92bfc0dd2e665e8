"""The pages over HTTP: GET shows, POST says. Nothing here logs an address, a link or an answer."""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import anyio.to_thread
from babel.dates import get_month_names
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from event_collector.connections import STATE, Connections
from event_collector.journal import ANSWERS, Journal, NotWritten
from event_collector.settings import CollectorError, check_writable
from lifecycle_mail.campaigns import Topic, topic_called
from lifecycle_mail.locales import nearest_language
from lifecycle_mail.messages.links import EndedLink, UnreadableLink, read_page_token
from recipient_pages.answers import ALL, Said
from recipient_pages.reading import Copy, NotReadable, Reader, Recipient
from recipient_pages.rendering import Pages
from recipient_pages.settings import MAX_FILE_BYTES, PagesSettings
from recipient_pages.surveys import Survey, surveys_in

log = logging.getLogger("recipient_pages")

FORM_BYTES_MAX = 8192
FIELDS_MAX = 100
REASONS = ("too_many", "not_for_me", "never_asked", "not_shopping", "other")
_AROUND_LINKS = " \t\r\n/.,;:!?()<>[]\"'\u2068\u2069"
_SURVEY = re.compile(r"survey/([a-z0-9_]{1,40})/([a-z0-9_]{1,40})")
_DAYS = {month: 31 - (month in (4, 6, 9, 11)) - 2 * (month == 2) for month in range(1, 13)}
_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_POLICY = (
    "default-src 'none'; img-src https:; style-src {style}; form-action {form}; base-uri 'none'; frame-ancestors 'none'"
)
Form = Mapping[str, list[str]]


def from_environment() -> Starlette:
    """Build the application of one worker from the environment."""
    return create_app(PagesSettings.from_environment(os.environ))


def create_app(settings: PagesSettings, clock: Callable[[], float] = time.time) -> Starlette:
    """Return the application; `clock` gives unix seconds."""
    journal = Journal(settings.events_dir, MAX_FILE_BYTES, clock, ANSWERS)
    site = _Site(settings, clock, journal, Reader(settings.database_url))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Connections]]:  # noqa: ARG001
        yield {STATE: Connections(settings)}
        await journal.close()

    return Starlette(
        routes=[
            Route("/health", site.health, methods=["GET"]),
            Route("/m/{token}", site.show, methods=["GET"]),
            Route("/m/{token}", site.say, methods=["POST"]),
            Route("/m/{token}/{page:path}", site.show, methods=["GET"]),
            Route("/m/{token}/{page:path}", site.say, methods=["POST"]),
        ],
        exception_handlers={HTTPException: site.refuse, Exception: site.fail},
        lifespan=lifespan,
    )


class _Stop(Exception):
    """The request ends with one of the pages that say why; `status` for programs."""

    def __init__(self, status: int, word: str) -> None:
        self.status, self.word = status, word


class _Link:
    """The link of a request: whose mail, which page below it, and the address that the pages hang below."""

    def __init__(self, message_id: str, base: str, page: str) -> None:
        self.message_id, self.base, self.page = message_id, base, page


class _Site:
    """What every page needs."""

    def __init__(self, settings: PagesSettings, clock: Callable[[], float], journal: Journal, reader: Reader) -> None:
        self._settings, self._clock, self._journal, self._reader = settings, clock, journal, reader
        self._pages = Pages(settings.brand)
        self._topics = {name: topic for name, topic in settings.topics.items() if topic.kind == "marketing"}

    async def show(self, request: Request) -> Response:
        """Show a page. A GET, a HEAD and whatever scans mails change nothing."""
        return await self._answered(request, self._shown)

    async def say(self, request: Request) -> Response:
        """Take what a person says. It is on disk before the answer leaves."""
        return await self._answered(request, self._heard)

    async def health(self, request: Request) -> Response:  # noqa: ARG002  (a route of Starlette)
        """Answer 200 if answers can be written; numbers and words only."""
        try:
            await anyio.to_thread.run_sync(check_writable, self._settings.events_dir)
        except CollectorError:
            return JSONResponse({"status": "cannot write"}, 503)
        warehouse = "answers" if await anyio.to_thread.run_sync(self._reader.is_there) else "does not answer"
        return JSONResponse({"status": "ok", "warehouse": warehouse, "lines_written": self._journal.lines})

    async def refuse(self, request: Request, error: Exception) -> Response:  # noqa: ARG002
        """Say in words what Starlette would say in a status alone."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        return self._words(status, "unreadable" if status == 404 else "wrong")

    async def fail(self, request: Request, error: Exception) -> Response:  # noqa: ARG002
        """Say that it did not work. The log names the kind of the error, because its text may quote a person."""
        log.error("a page failed: %s", type(error).__name__)
        return self._words(500, "later")

    async def _answered(self, request: Request, answer: Callable[[Request, _Link], Any]) -> Response:
        try:
            return await answer(request, self._link(request))
        except _Stop as stop:
            return self._words(stop.status, stop.word)
        except NotWritten:
            return self._words(503, "later")
        except Exception as error:
            # Here, because Starlette would raise it again, and the server log it with its text.
            return await self.fail(request, error)

    def _link(self, request: Request) -> _Link:
        token = str(request.path_params["token"]).strip(_AROUND_LINKS)
        page = str(request.path_params.get("page", "")).strip(_AROUND_LINKS) or "preferences"
        today = dt.datetime.fromtimestamp(self._clock(), dt.UTC).date()
        try:
            message_id = read_page_token(self._settings.link_secrets, token, today)
        except EndedLink:
            raise _Stop(410, "ended") from None
        except UnreadableLink:
            raise _Stop(404, "unreadable") from None
        return _Link(message_id, f"{request.scope.get('root_path', '')}/m/{token}", page)

    # What is shown

    async def _shown(self, request: Request, link: _Link) -> Response:  # noqa: ARG002
        if link.page == "view":
            return await self._view(link)
        if link.page == "leave":
            return await self._ask_leave(link)
        who = await self._recipient(link)
        if link.page in ("confirm", "stay"):
            return self._page(link.page, who.language, who=who, base=link.base)
        if link.page in ("preferences", "undo", "leaving"):
            return self._preferences(link, who, self._chosen(who), is_saved=False)
        if found := _SURVEY.fullmatch(link.page):
            survey = await self._survey(link, found[1], found[2])
            return self._page("survey", who.language, survey=survey, chosen=found[2], base=link.base)
        raise _Stop(404, "unreadable")

    async def _view(self, link: _Link) -> Response:
        copy = await self._copy(link)
        policy = _POLICY.format(style="'unsafe-inline'", form="'none'").replace("https:", "https: http:")
        return HTMLResponse(copy.mail.html, headers={**_HEADERS, "Content-Security-Policy": policy})

    async def _ask_leave(self, link: _Link) -> Response:
        """Ask what to stop. If the warehouse does not answer, everything can still be stopped."""
        try:
            who: Recipient | None = await self._recipient(link)
        except _Stop as stop:
            if stop.word == "gone":
                raise
            who = None
        topic = self._topic(who) if who else None
        return self._page("leave", who.language if who else None, who=who, topic=topic, base=link.base)

    def _preferences(self, link: _Link, who: Recipient, chosen: set[str], *, is_saved: bool) -> Response:
        language = nearest_language(who.language, ["en"], "en")
        months = list(get_month_names("wide", "stand-alone", locale=language).values())
        return self._page(
            "preferences", who.language, who=who, topics=self._topics, chosen=chosen, months=months, base=link.base,
            is_saved=is_saved,
        )  # fmt: skip

    def _chosen(self, who: Recipient) -> set[str]:
        """Return the topics that are ticked: those the person gets today."""
        if who.has_left_all or who.permission != "confirmed":
            return set()
        return set(self._topics) - set(who.topics_left)

    # What is said

    async def _heard(self, request: Request, link: _Link) -> Response:
        form = await _form(request)
        said = Said(link.message_id, int(self._clock()))
        if found := _SURVEY.fullmatch(link.page):
            return await self._hear_survey(link, form, said, found[1], found[2])
        known = {
            "leave": self._hear_leave, "undo": self._hear_undo, "leaving": self._hear_leaving,
            "confirm": self._hear_confirm, "stay": self._hear_stay, "preferences": self._hear_preferences,
        }  # fmt: skip
        if link.page not in known:
            raise _Stop(404, "unreadable")
        return await known[link.page](link, form, said)

    async def _hear_leave(self, link: _Link, form: Form, said: Said) -> Response:
        what = _one(form, "what", ("topic", ALL))
        who = None if what == ALL else await self._recipient(link)
        await self._write(said.leave(who.topic if who else ALL))
        topic = self._topic(who) if who else None
        language = who.language if who else None
        return self._page("left", language, what=what, topic=topic, reasons=REASONS, base=link.base)

    async def _hear_undo(self, link: _Link, form: Form, said: Said) -> Response:
        what = _one(form, "what", ("topic", ALL))
        who = await self._recipient(link)
        if what == ALL:
            await self._write(said.confirm("undo").stay_away(who.topics_left))
        else:
            await self._write(said.come_back(who.topic))
        return self._words(200, "undone", who.language)

    async def _hear_leaving(self, link: _Link, form: Form, said: Said) -> Response:  # noqa: ARG002
        await self._write(said.answer("leaving", _one(form, "reason", REASONS)))
        return self._words(200, "thanks")

    async def _hear_confirm(self, link: _Link, form: Form, said: Said) -> Response:  # noqa: ARG002
        who = await self._recipient(link)
        await self._write(said.confirm("confirm"))
        return self._page("confirmed", who.language, base=link.base)

    async def _hear_stay(self, link: _Link, form: Form, said: Said) -> Response:  # noqa: ARG002
        who = await self._recipient(link)
        await self._write(said.answer("stay_or_go", "stay").come_back(who.topic))
        return self._page("stayed", who.language, who=who, base=link.base)

    async def _hear_preferences(self, link: _Link, form: Form, said: Said) -> Response:
        """Say yes or no to each topic, whatever was known before: an earlier choice may not be in the warehouse yet."""
        who = await self._recipient(link)
        chosen = set(form.get("topic", ())) & set(self._topics)
        if chosen:
            said.confirm("preferences")
        for name in self._topics:
            said.come_back(name) if name in chosen else said.leave(name)
        if birthday := _birthday(form):
            said.answer("birthday", birthday)
        await self._write(said)
        return self._preferences(link, who, chosen, is_saved=True)

    async def _hear_survey(self, link: _Link, form: Form, said: Said, name: str, asked: str) -> Response:
        survey = await self._survey(link, name, asked)
        answer = _one(form, "answer", [word for word, _ in survey.answers])
        await self._write(said.answer(name, answer))
        return self._words(200, "thanks")

    # What all of them need

    async def _recipient(self, link: _Link) -> Recipient:
        return await self._read(self._reader.recipient, link)

    async def _copy(self, link: _Link) -> Copy:
        return await self._read(self._reader.copy, link)

    async def _survey(self, link: _Link, name: str, answer: str) -> Survey:
        """Return a survey of the mail, if it has this answer."""
        survey = surveys_in((await self._copy(link)).shared_html).get(name)
        if survey is None or answer not in dict(survey.answers):
            raise _Stop(404, "unreadable")
        return survey

    async def _read(self, read: Callable[[str], Any], link: _Link) -> Any:
        try:
            found = await anyio.to_thread.run_sync(partial(read, link.message_id))
        except NotReadable:
            raise _Stop(503, "later") from None
        if found is None:
            raise _Stop(410, "gone")
        return found

    def _topic(self, who: Recipient) -> Topic | None:
        return topic_called(self._settings.topics, who.topic)

    async def _write(self, said: Said) -> None:
        await self._journal.append(b"".join(said.lines), len(said.lines))

    def _page(self, name: str, language: str | None, status: int = 200, **values: Any) -> Response:
        policy = _POLICY.format(style=self._pages.style_hash, form="'self'")
        html = self._pages.page(name, language, **values)
        return HTMLResponse(html, status, headers={**_HEADERS, "Content-Security-Policy": policy})

    def _words(self, status: int, word: str, language: str | None = None) -> Response:
        return self._page(
            "message", language, status, title=f"pages.{word}.title", text=f"pages.{word}.text", back=None
        )


async def _form(request: Request) -> Form:
    """Return the fields of a form.

    Raises: _Stop if the body is no form, or larger than any of ours.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > FORM_BYTES_MAX:
        raise _Stop(413, "wrong")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > FORM_BYTES_MAX:
                raise _Stop(413, "wrong")
        return parse_qs(body.decode(), max_num_fields=FIELDS_MAX)
    except (ClientDisconnect, ValueError):
        raise _Stop(400, "wrong") from None


def _one(form: Form, name: str, known: Any) -> str:
    """Return the one value of a field. Raises: _Stop if it is not one of those known."""
    given = form.get(name, [])
    if len(given) != 1 or given[0] not in known:
        raise _Stop(400, "wrong")
    return given[0]


def _birthday(form: Form) -> str | None:
    """Return a birthday as --MM-DD, None if none was told. Raises: _Stop if there is no such day."""
    day, month = (form.get(name, [""])[0] for name in ("day", "month"))
    if not day and not month:
        return None
    told = [int(one) for one in (month, day) if one.isascii() and one.isdigit() and len(one) <= 2]
    if len(told) != 2 or not 1 <= told[1] <= _DAYS.get(told[0], 0):
        raise _Stop(400, "wrong")
    return f"--{told[0]:02}-{told[1]:02}"
