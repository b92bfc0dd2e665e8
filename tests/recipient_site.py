"""Recipients' pages over a world of mails: the real application with the role of the pages, at the world's time."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import orjson
import uvicorn
from sqlalchemy.engine import Engine

from builders import rows
from event_collector.connections import BoundedProtocol
from lifecycle_mail.database import run
from lifecycle_mail.messages.links import make_page_token
from local_stack.processes import free_port, wait_until
from mailbox_world import SECRET, World
from planning import BRAND, TOPICS
from recipient_pages.app import create_app
from recipient_pages.settings import PagesSettings
from running_services import Service, clean_environment, module_command, running

PASSWORD = "pages-for-tests"


def url_of_pages(warehouse: Engine) -> str:
    """Let the role of the pages log in, and return the warehouse's address for it."""
    with warehouse.begin() as connection:
        run(connection, "installation/grant_pages", secret=PASSWORD)
    own = warehouse.url.set(username="lifecycle_pages", password=PASSWORD)
    return own.render_as_string(hide_password=False)


class Site:
    """The pages, and the mails whose links lead there."""

    def __init__(self, world: World, client: httpx.Client) -> None:
        self.world, self.client = world, client

    def mail(self, customer_id: str) -> str:
        """Send the customer a cart mail; return its message id."""
        assert self.world.mailed(customer_id) == {customer_id}
        query = "select message_id from message.message where customer_id = :who order by planned_at desc limit 1"
        with self.world.warehouse.connect() as connection:
            return str(rows(connection, query, who=customer_id)[0][0])

    def link(self, message_id: str, page: str = "", days: int = 400, secret: str = SECRET) -> str:
        """Return the path of a page."""
        token = make_page_token(secret, message_id, (self.world.now + dt.timedelta(days=days)).date())
        return f"/m/{token}" + (f"/{page}" if page else "")

    def say(self, message_id: str, page: str, **form: Any) -> httpx.Response:
        """Post a form half an hour later."""
        self.world.now += dt.timedelta(minutes=30)
        return self.client.post(self.link(message_id, page), data=form)

    def mailed_next(self, *customer_ids: str) -> set[str]:
        """Deliver, as happens every ten minutes, so that a yes is known; then plan and deliver, and return who got one.
        """
        self.world.installation.deliver(lambda: self.world.now, "test")
        return self.world.mailed(*customer_ids)

    def said(self) -> list[dict[str, Any]]:
        """Return every line of the journal, without its id."""
        files = sorted(self.world.exports.glob("answers-*.ndjson"), key=lambda file: file.stat().st_mtime_ns)
        lines = [orjson.loads(line) for file in files for line in file.read_bytes().splitlines()]
        assert len({line.pop("sg_event_id") for line in lines}) == len(lines)
        return lines

    def words(self, answer: httpx.Response) -> str:
        """Return the words of a page."""
        main = answer.text.partition("<main>")[2].partition("</main>")[0]
        return " ".join(re.sub(r"<[^>]+>", " ", main).split())


@contextmanager
def running_pages(world: World) -> Iterator[Service]:
    """The pages as a process of their own, at the time of the clock."""
    port = free_port()
    environment = clean_environment(
        LIFECYCLE_PAGES_DATABASE_URL=url_of_pages(world.warehouse), LIFECYCLE_EVENTS_DIR=str(world.exports),
        LIFECYCLE_LINK_SECRET=SECRET, LIFECYCLE_PAGES_HEADER_SECONDS="2",
    )  # fmt: skip
    command = module_command("recipient_pages", "--port", str(port))
    log = world.feeds / "pages.log"
    with running(command, environment, f"http://127.0.0.1:{port}", "/health", {}, log) as service:
        yield service


@contextmanager
def site_of(world: World) -> Iterator[Site]:
    """Serve the pages of a world."""
    settings = PagesSettings(
        database_url=url_of_pages(world.warehouse), events_dir=world.exports, link_secrets=(SECRET, "former"),
        brand=BRAND, topics=TOPICS,
    )  # fmt: skip
    app = create_app(settings, lambda: world.now.timestamp())
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, http=BoundedProtocol, ws="none", log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, "the pages do not answer", 30)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as client:
            yield Site(world, client)
    finally:
        server.should_exit = True
        thread.join(20)
