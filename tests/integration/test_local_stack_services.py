"""The demo's provider: simulator and collector find each other, survive a crash, and stop together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local_stack.home import Home
from local_stack.processes import running_services, wait_until
from local_stack.services import COLLECTOR, SIMULATOR, Provider
from local_stack.stopping import stop

MAIL = {
    "from": {"email": "hello@example.com"},
    "subject": "Hello",
    "content": [{"type": "text/plain", "value": "Hello"}],
    "personalizations": [{"to": [{"email": "open+1@example.com"}]}],
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home whose services are stopped after the test."""
    made = Home(tmp_path / "demo")
    yield made
    stop(made)


def accept_one_mail(provider: Provider) -> None:
    """Post one mail whose recipient opens it."""
    headers = {"Authorization": f"Bearer {provider.api_key}"}
    answer = httpx.post(f"{provider.simulator_url}/v3/mail/send", json=MAIL, headers=headers, timeout=10)
    assert answer.status_code == 202


def test_a_mail_becomes_signed_events_in_files(home: Home) -> None:
    """What a recipient does arrives in the events folder: the collector trusts the simulator's key."""
    provider = Provider(home)
    provider.start()
    accept_one_mail(provider)
    state = provider.wait_settled(timeout_seconds=60)
    assert state["webhook_refusals"] == 0
    lines = [line for file in home.events.glob("*.ndjson") for line in file.read_text().splitlines()]
    assert len(lines) == state["events_posted"] >= 3


def test_a_second_start_changes_nothing(home: Home) -> None:
    """Starting again finds both running at the same addresses."""
    Provider(home).start()
    before = [service.process() for service in running_services(home.folder)]
    again = Provider(home)
    again.start()
    assert [service.process() for service in running_services(home.folder)] == before
    assert again.state()["recipients"] == 0


def test_a_killed_service_comes_back_and_a_stopped_one_does_not(home: Home) -> None:
    """After kill -9 the restarter starts the collector again; stop ends both and all their processes."""
    provider = Provider(home)
    provider.start()
    collector = home.service(COLLECTOR).process()
    assert collector is not None
    for child in collector.children():
        child.kill()
    wait_until(lambda: httpx_answers(f"{provider.collector_url}/health"), "the collector stays away", 60)

    family = [
        one
        for name in (SIMULATOR, COLLECTOR)
        if (process := home.service(name).process()) is not None
        for one in (process, *process.children(recursive=True))
    ]
    assert sorted(stop(home)) == [COLLECTOR, SIMULATOR]
    time.sleep(0.1)
    assert [process for process in family if process.is_running()] == []


def httpx_answers(url: str) -> bool:
    """Return whether any service answers 200 there."""
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
