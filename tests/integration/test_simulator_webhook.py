"""The simulator's events arrive signed, out of order, more than once, and whatever the receiver does."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sendgrid import EventWebhook

from running_services import Service, running_simulator, settle
from sendgrid_simulator.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER

FAST = ("--speed", "36000")
"""Ten hours of a recipient's life pass in a second."""


class Receiver:
    """A real HTTP receiver; the first `refusals` posts are answered 503."""

    def __init__(self, refusals: int = 0) -> None:
        self.posts: list[tuple[bytes, str, str]] = []
        self.refused: list[tuple[bytes, str, str]] = []
        self.refusals = refusals
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                post = (body, self.headers[SIGNATURE_HEADER], self.headers[TIMESTAMP_HEADER])
                refuse = len(receiver.refused) < receiver.refusals
                (receiver.refused if refuse else receiver.posts).append(post)
                self.send_response(503 if refuse else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Stay silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/events"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self) -> list[dict[str, Any]]:
        return [event for body, _, _ in self.posts for event in json.loads(body)]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    one = Receiver(getattr(request, "param", 0))
    yield one
    one.close()


def send(service: Service, *addresses: str) -> None:
    body = {
        "personalizations": [
            {"to": [{"email": address}], "custom_args": {"lm_message_id": address.partition("@")[0]}}
            for address in addresses
        ],
        "from": {"email": "shop@example.com"},
        "subject": "Hello",
        "content": [{"type": "text/html", "value": '<a href="https://x.example.com/a">x</a>'}],
        "categories": ["cart"],
    }
    assert service.client.post("/v3/mail/send", json=body).status_code == 202


def test_every_post_carries_a_true_signature(receiver: Receiver, tmp_path: Path) -> None:
    """The sendgrid package verifies each post with the key the simulator publishes, in file and endpoint."""
    with running_simulator(tmp_path / "record", "--webhook-url", receiver.url, *FAST) as service:
        send(service, "click+1@example.com", "bounce+1@example.com")
        settle(service)
        key = service.client.get("/v3/user/webhooks/event/settings/signed").json()["public_key"]
    assert key == (tmp_path / "record" / "webhook_public_key.txt").read_text().strip()
    helper = EventWebhook(key)
    assert receiver.posts
    for body, signature, timestamp in receiver.posts:
        assert helper.verify_signature(body.decode(), signature, timestamp)


def test_events_tell_the_whole_story_of_each_recipient(receiver: Receiver, tmp_path: Path) -> None:
    """For each forced behaviour exactly its events arrive, with the custom argument at the top level."""
    options = ("--webhook-url", receiver.url, "--duplicates", "0", *FAST)
    with running_simulator(tmp_path / "record", *options) as service:
        send(
            service,
            "click+1@example.com",
            "block+1@example.com",
            "complain+1@example.com",
            "mute+1@example.com",
        )
        settle(service)
    found = Counter((event["lm_message_id"], event["event"]) for event in receiver.events())
    assert found == Counter({
        ("click+1", "processed"): 1, ("click+1", "delivered"): 1, ("click+1", "open"): 1, ("click+1", "click"): 1,
        ("block+1", "processed"): 1, ("block+1", "bounce"): 1,
        ("complain+1", "processed"): 1, ("complain+1", "delivered"): 1, ("complain+1", "spamreport"): 1,
    })  # fmt: skip


def test_events_come_twice_and_in_disorder(receiver: Receiver, tmp_path: Path) -> None:
    """With shares of one half, copies share their sg_event_id and later events overtake earlier ones."""
    options = (
        "--webhook-url",
        receiver.url,
        "--duplicates",
        "0.5",
        "--disorder",
        "0.5",
        "--post-every",
        "0.1",
    )
    with running_simulator(tmp_path / "record", *options) as service:
        send(service, *[f"click+{n}@example.com" for n in range(60)])
        settle(service)
    events = receiver.events()
    ids = Counter(event["sg_event_id"] for event in events)
    assert len(ids) == 60 * 4
    assert max(ids.values()) > 1
    copies = {event["sg_event_id"]: json.dumps(event, sort_keys=True) for event in events}
    assert all(copies[event["sg_event_id"]] == json.dumps(event, sort_keys=True) for event in events)
    order = ["processed", "delivered", "open", "click"]
    first: dict[str, list[int]] = {}
    for event in {event["sg_event_id"]: event for event in reversed(events)}.values():
        first.setdefault(event["lm_message_id"], []).append(order.index(event["event"]))
    assert any(steps != sorted(steps, reverse=True) for steps in first.values())


@pytest.mark.parametrize("receiver", [4], indirect=True)
def test_refused_posts_come_again_unchanged(receiver: Receiver, tmp_path: Path) -> None:
    """A post answered 503 is repeated with the same bytes and signature until it is taken; nothing is lost."""
    options = ("--webhook-url", receiver.url, "--duplicates", "0", *FAST)
    with running_simulator(tmp_path / "record", *options) as service:
        send(service, *[f"open+{n}@example.com" for n in range(20)])
        state = settle(service)
    assert len(receiver.refused) == 4
    assert set(receiver.refused) <= set(receiver.posts)
    assert len({event["sg_event_id"] for event in receiver.events()}) == state["events_posted"] == 60


def test_same_seed_same_outcomes_in_another_order(receiver: Receiver, tmp_path: Path) -> None:
    """Simulators with one seed, fed in opposite orders, play the same events; another seed does not."""
    addresses = [f"reader{n}@example.com" for n in range(300)]
    stories = []
    for run, (seed, order) in enumerate((("7", 1), ("7", -1), ("8", 1))):
        options = ("--webhook-url", receiver.url, "--seed", seed, "--rate", "bounce=0.1", *FAST)
        receiver.posts.clear()
        with running_simulator(tmp_path / str(run) / "record", *options) as service:
            send(service, *addresses[::order])
            settle(service)
        stories.append({(event["lm_message_id"], event["event"], event.get("type")) for event in receiver.events()})
    assert stories[0] == stories[1]
    assert stories[0] != stories[2]


def test_people_take_their_time_at_any_speed(tmp_path: Path, receiver: Receiver) -> None:
    """With --reading-seconds a person's click comes so much later than the delivery, in real time."""
    options = (*FAST, "--reading-seconds", "3", "--webhook-url", receiver.url)
    with running_simulator(tmp_path / "record", *options) as service:
        send(service, "click+1@example.com", "machine+2@example.com")
        settle(service)
    at = {event["event"]: event["timestamp"] for event in receiver.events() if event["email"].startswith("click")}
    assert at["open"] - at["delivered"] in (3, 4)
    assert at["click"] - at["delivered"] in (3, 4)
    machine = [event for event in receiver.events() if event["email"].startswith("machine")]
    assert max(one["timestamp"] for one in machine) - min(one["timestamp"] for one in machine) <= 1
