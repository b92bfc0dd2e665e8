"""What a worker really writes to the network."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer

import orjson
import pytest

from lifecycle_mail.delivery.worker import LEASE_SHARE
from lifecycle_mail.leases import lease_seconds
from lifecycle_mail.sendgrid.answers import Accepted, Answer, Unknown
from lifecycle_mail.sendgrid.provider import Provider
from lifecycle_mail.sendgrid.requests import Request
from lifecycle_mail.settings import Settings


class Recorder(HTTPServer):
    """Takes everything and remembers headers and body of each request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.taken: list[tuple[Message, bytes]] = []


class Taking(BaseHTTPRequestHandler):
    server: Recorder

    def do_POST(self) -> None:
        self.server.taken.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(202)
        self.send_header("X-Message-Id", "m-1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_request_in_pieces_is_one_body_of_a_known_length(recorder: Recorder) -> None:
    """There is no chunked encoding, which a proxy before the provider may refuse: the length is announced, and kept."""
    recipients = [orjson.dumps({"to": [{"email": f"p{n}@example.com"}], "subject": "é" * 400}) for n in range(1000)]
    request = Request(orjson.dumps({"subject": "shared"}), [(one,) for one in recipients])
    settings = Settings("postgresql://", mode="simulate", sendgrid_base_url=f"http://127.0.0.1:{recorder.server_port}")
    with Provider(settings) as provider:
        answer = provider.send(request, lease_seconds() + 60)
    assert isinstance(answer, Accepted)
    [(headers, body)] = recorder.taken
    assert headers["Transfer-Encoding"] is None
    assert headers["Content-Length"] == str(request.size) == str(len(body))
    assert orjson.loads(body) == {"subject": "shared", "personalizations": [orjson.loads(one) for one in recipients]}


REQUEST = Request(b'{"subject":"shared"}', [(b'{"to":[{"email":"ann@example.com"}]}',)])
Talk = Callable[[socket.socket], None]


@contextmanager
def provider_that(talk: Talk) -> Iterator[str]:
    """A server of one connection, which `talk` holds; yields its address."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            try:
                talk(connection)
            except OSError:
                return  # the worker has left

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(timeout=10)
        assert not thread.is_alive()


def answer_of(talk: Talk, request: Request = REQUEST, **settings: float) -> Answer:
    with provider_that(talk) as address:
        given = Settings("postgresql://", mode="simulate", sendgrid_base_url=address, **settings)  # type: ignore[arg-type]
        with Provider(given) as provider:
            return provider.send(request, lease_seconds() + LEASE_SHARE * given.claim_lease_seconds)


def says(status: str, body: bytes, announced: int) -> Talk:
    """Read the request, answer with `body` of `announced` bytes, and hang up."""

    def talk(connection: socket.socket) -> None:
        read = b""
        while not read.endswith(b"]}"):
            read += connection.recv(65_536)
        head = f"HTTP/1.1 {status}\r\nX-Message-Id: m-1\r\nContent-Length: {announced}\r\n\r\n"
        connection.sendall(head.encode() + body)

    return talk


@pytest.mark.parametrize("status", ["202 Accepted", "400 Bad Request"])
def test_an_answer_that_is_cut_is_no_answer(status: str) -> None:
    """If the answer was cut, its status may be wrong too. So the mails are in doubt, and events settle them."""
    assert answer_of(says(status, b'{"errors": [', 100)) == Unknown("no answer: RemoteProtocolError")


def test_an_answer_without_end_is_given_up() -> None:
    """A body that never ends takes neither memory nor time without limit."""
    assert answer_of(says("500 Oops", b"-" * 3_000_000, 10**12)) == Unknown("no answer: ReadTimeout")


def test_a_provider_that_reads_drop_by_drop_does_not_hold_a_worker() -> None:
    """Each write is in time, but all writes together would last for minutes: the request ends with its lease, in
    doubt."""

    def sips(connection: socket.socket) -> None:
        while connection.recv(20_000):
            time.sleep(0.02)

    recipient = b'{"to":[{"email":"ann@example.com"}],"subject":"' + b"-" * 4000 + b'"}'
    large = Request(REQUEST.shared, [(recipient,)] * 15_000)
    started = time.monotonic()
    answer = answer_of(sips, large, claim_lease_seconds=1.0)
    assert answer == Unknown("no answer: WriteTimeout")
    assert time.monotonic() - started < 8
