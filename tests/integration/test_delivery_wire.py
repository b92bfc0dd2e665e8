"""What a worker really writes to the network."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer

import orjson
import pytest

from lifecycle_mail.delivery.answers import Accepted
from lifecycle_mail.delivery.provider import Provider
from lifecycle_mail.delivery.requests import Request
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
    """No chunked encoding, which a proxy before the provider may refuse: the length is announced, and kept."""
    recipients = [orjson.dumps({"to": [{"email": f"p{n}@example.com"}], "subject": "é" * 400}) for n in range(1000)]
    request = Request(orjson.dumps({"subject": "shared"}), recipients)
    settings = Settings("postgresql://", mode="simulate", sendgrid_base_url=f"http://127.0.0.1:{recorder.server_port}")
    with Provider(settings) as provider:
        answer = provider.send(request)
    assert isinstance(answer, Accepted)
    [(headers, body)] = recorder.taken
    assert headers["Transfer-Encoding"] is None
    assert headers["Content-Length"] == str(request.size) == str(len(body))
    assert orjson.loads(body) == {"subject": "shared", "personalizations": [orjson.loads(one) for one in recipients]}
