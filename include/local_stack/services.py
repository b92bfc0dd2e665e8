"""The simulator, the collector and recipients' pages of the local stack: how they are started, and when they are ready.

The simulator signs with a key of its own and posts to the collector; the collector checks with that key.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.engine import make_url

from local_stack.home import Home
from local_stack.processes import NotReady, Service, wait_until

SIMULATOR = "simulator"
READING_SECONDS = 12  # a click within ten seconds of the delivery is taken for a machine's
COLLECTOR = "collector"
PAGES = "pages"
SERVICES = (SIMULATOR, COLLECTOR, PAGES)
_READY_SECONDS = 60.0


class Provider:
    """The simulated SendGrid of one home, and the collector of its events."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._simulator = home.service(SIMULATOR)
        self._collector = home.service(COLLECTOR)
        self.record = home.folder / "simulator"
        self.simulator_url = f"http://127.0.0.1:{home.port(SIMULATOR, SIMULATOR)}"
        self.collector_url = f"http://127.0.0.1:{home.port(COLLECTOR, COLLECTOR)}"

    @property
    def api_key(self) -> str:
        """The key the simulator takes; worthless anywhere else."""
        return self._home.secret("sendgrid_api_key", prefix="SG.simulated.")

    @property
    def outbox_token(self) -> str:
        """What the outbox page asks for."""
        return self._home.secret("outbox_token")

    @property
    def link_secret(self) -> str:
        """Signs the unsubscribe links in mails; the collector checks them with it."""
        return self._home.secret("link_secret")

    def start(self) -> None:
        """Start what does not run and wait until both answer.

        Raises:
            NotReady: one did not; the message ends with its last words.
        """
        self._simulator.start(self._simulator_command(), self._simulator_environment())
        _wait(self._simulator, lambda: _answers(f"{self.simulator_url}/login") and self._public_key.exists())
        self._collector.start(self._collector_command(), self._collector_environment())
        _wait(self._collector, lambda: _answers(f"{self.collector_url}/health"))

    def state(self) -> dict[str, Any]:
        """Return the simulator's counters: recipients, requests, events, and whether it is settled."""
        return self._ask("state")

    def accepted(self) -> dict[str, Any]:
        """Return the provider's own count: recipients, requests, and distinct_message_ids among them."""
        return self._ask("accepted/count?distinct=1")

    def wait_settled(self, timeout_seconds: float = 120.0) -> dict[str, Any]:
        """Wait until every recipient has done what it will do and the collector has taken every event.

        Raises:
            NotReady: events are still to come after `timeout_seconds`.
        """
        what = "the simulator still has events to post"
        wait_until(lambda: bool(self.state()["settled"]), what, timeout_seconds)
        return self.state()

    def _ask(self, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.api_key}"}
        answer = httpx.get(f"{self.simulator_url}/simulator/{path}", headers=headers, timeout=30)
        answer.raise_for_status()
        return dict(answer.json())

    @property
    def _public_key(self) -> Path:
        return self.record / "webhook_public_key.txt"

    def _simulator_command(self) -> list[str]:
        port = self.simulator_url.rpartition(":")[2]
        webhook = f"{self.collector_url}/events"
        options = ["--port", port, "--record", str(self.record), "--webhook-url", webhook]
        options += ["--reading-seconds", str(READING_SECONDS)]
        return [sys.executable, "-m", "sendgrid_simulator", *options]

    def _simulator_environment(self) -> dict[str, str]:
        return {"SENDGRID_API_KEY": self.api_key, "SIMULATOR_UI_TOKEN": self.outbox_token}

    def _collector_command(self) -> list[str]:
        return [sys.executable, "-m", "event_collector", "--port", self.collector_url.rpartition(":")[2]]

    def _collector_environment(self) -> dict[str, str]:
        return {
            "LIFECYCLE_EVENTS_DIR": str(self._home.events),
            "LIFECYCLE_LINK_SECRET": self.link_secret,
            "SENDGRID_WEBHOOK_PUBLIC_KEY_FILE": str(self._public_key),
        }


class RecipientPages:
    """The pages behind the links in mails, over the warehouse of one home."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._service = home.service(PAGES)
        self.url = f"http://127.0.0.1:{home.port(PAGES, PAGES)}"

    @property
    def password(self) -> str:
        """With it the role of the pages logs in."""
        return self._home.secret("pages_password")

    def start(self, warehouse: str) -> None:
        """Start what does not run and wait until it answers; `warehouse` is its address, migrated with the password.

        Raises:
            NotReady: it did not; the message ends with its last words.
        """
        own = make_url(warehouse).set(username="lifecycle_pages", password=self.password)
        environment = {
            "LIFECYCLE_PAGES_DATABASE_URL": own.render_as_string(hide_password=False),
            "LIFECYCLE_EVENTS_DIR": str(self._home.events),
            "LIFECYCLE_LINK_SECRET": self._home.secret("link_secret"),
        }
        command = [sys.executable, "-m", "recipient_pages", "--port", self.url.rpartition(":")[2]]
        self._service.start(command, environment)
        _wait(self._service, lambda: _answers(f"{self.url}/health"))


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _wait(service: Service, ready: Callable[[], bool]) -> None:
    try:
        wait_until(ready, f"the {service.name} does not answer", _READY_SECONDS)
    except NotReady as error:
        raise NotReady(f"{error}; see {service.log_file}:\n{service.last_lines()}") from None
