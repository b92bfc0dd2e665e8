"""The collector under hostile connections: each is closed in its time, and good posts go on meanwhile."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from event_collector.links import make_token
from running_services import Service, lines_in, running_collector
from sendgrid_simulator.webhook import Signer, load_signer

HEADER_SECONDS = 1.0
BODY_SECONDS = 2.0
SLACK = 1.5  # of a machine that does other work
MAX_BODY = 200_000
MAX_HELD = 4_000_000
MAX_CONNECTIONS = 130
SECRET = "link-secret-for-tests"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return load_signer(tmp_path_factory.mktemp("keys"), None)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Iterator[tuple[Service, Path]]:
    folder = tmp_path_factory.mktemp("collector") / "events"
    folder.mkdir()
    with running_collector(
        folder,
        SENDGRID_WEBHOOK_PUBLIC_KEY=signer.public_key,
        LIFECYCLE_LINK_SECRET=SECRET,
        LIFECYCLE_COLLECTOR_HEADER_SECONDS=str(HEADER_SECONDS),
        LIFECYCLE_COLLECTOR_BODY_SECONDS=str(BODY_SECONDS),
        LIFECYCLE_COLLECTOR_MAX_BODY_BYTES=str(MAX_BODY),
        LIFECYCLE_COLLECTOR_MAX_HELD_BYTES=str(MAX_HELD),
        LIFECYCLE_COLLECTOR_MAX_CONNECTIONS=str(MAX_CONNECTIONS),
    ) as service:
        yield service, folder
        assert "Traceback" not in service.log.read_text()


@pytest.fixture
def collector(shared: tuple[Service, Path], signer: Signer) -> Service:
    """The collector, after a first good post."""
    require_good_post(shared[0], signer)
    return shared[0]


@pytest.fixture
def folder(shared: tuple[Service, Path]) -> Path:
    return shared[1]


def signed_header(signer: Signer, body: bytes, length: int | str | None = None, **more: str) -> bytes:
    """The header of a post to /events with a good signature of `body`; `length` replaces its Content-Length."""
    fields = {"Host": "collector", **signer.headers(body, str(int(time.time()))), **more}
    if "Transfer_Encoding" not in fields:
        fields["Content-Length"] = str(len(body) if length is None else length)
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join(["POST /events HTTP/1.1", *lines, "", ""]).encode()


def require_good_post(service: Service, signer: Signer) -> None:
    """A good post over a connection of its own is answered 200 within a second."""
    body = json.dumps([{"event": "open", "sg_event_id": f"good-{time.monotonic_ns()}"}]).encode()
    began = time.monotonic()
    with connected(service) as one:
        one.sendall(signed_header(signer, body) + body)
        assert one.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert time.monotonic() - began < 1


@contextmanager
def connected(service: Service, receive_buffer: int = 0) -> Iterator[socket.socket]:
    with socket.socket() as one:
        if receive_buffer:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        one.settimeout(10)
        host, port = service.url.removeprefix("http://").split(":")
        one.connect((host, int(port)))
        yield one


@contextmanager
def many(service: Service, count: int, first: bytes) -> Iterator[list[socket.socket]]:
    """This many connections that said `first` and now wait; some may be closed already."""
    opened = [socket.create_connection(tuple(service.client.base_url.netloc.decode().split(":"))) for _ in range(count)]
    for one in opened:
        one.settimeout(10)
        with suppress(OSError):
            one.sendall(first)
    yield opened
    for one in opened:
        one.close()


def is_closed(one: socket.socket, seconds: float) -> bool:
    """Whether the other side closes the connection within `seconds`; what it says before is skipped."""
    one.settimeout(seconds)
    try:
        while one.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def drip(one: socket.socket, seconds: float) -> float:
    """Send one byte each 50 ms. Return after how many seconds the other side closed, or `seconds`."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        try:
            one.sendall(b"a")
        except OSError:
            return passed
        time.sleep(0.05)
    return seconds


def memory(service: Service) -> int:
    return psutil.Process(service.process.pid).memory_info().rss


def open_sockets(service: Service) -> int:
    return len(psutil.Process(service.process.pid).net_connections())


BEGUN = b"POST /events HTTP/1.1\r\nHost: collector\r\nX-Long: "
ENDLESS_BEGINNINGS = [BEGUN, b"GET /", b"GET / HTTP/1.1\r\nX-", b"GET / HTTP/1.1\r\n"]


@pytest.mark.parametrize("beginning", ENDLESS_BEGINNINGS, ids=["value", "path", "name", "fields"])
def test_an_endless_header_is_closed(collector: Service, signer: Signer, beginning: bytes) -> None:
    """A header, or its first line, that comes as fast as it can ends at its bytes; good posts go on."""
    more = b"X-A: b\r\n" * 2_000 if beginning.endswith(b"\n") else b"a" * 16_000
    with connected(collector) as one:
        one.sendall(beginning)

        def stream() -> None:
            with suppress(OSError):
                for _ in range(2_000):
                    one.sendall(more)

        streaming = threading.Thread(target=stream, daemon=True)
        streaming.start()
        for _ in range(3):
            require_good_post(collector, signer)
        streaming.join(HEADER_SECONDS + SLACK)
        assert not streaming.is_alive()
        assert is_closed(one, 1)


def test_fifty_endless_headers_cost_little_memory(collector: Service, signer: Signer) -> None:
    """Fifty connections that stream headers at once keep neither memory nor the loop."""
    before, stop = memory(collector), threading.Event()

    def stream() -> None:
        while not stop.is_set():
            with suppress(OSError), connected(collector) as one:
                one.sendall(BEGUN)
                while not stop.is_set():
                    one.sendall(b"a" * 8_000)
                    time.sleep(0.05)

    threads = [threading.Thread(target=stream, daemon=True) for _ in range(50)]
    for thread in threads:
        thread.start()
    grown = 0
    for _ in range(5):
        time.sleep(0.2)
        require_good_post(collector, signer)
        grown = max(grown, memory(collector) - before)
    stop.set()
    for thread in threads:
        thread.join(5)
    assert grown < 30_000_000


@pytest.mark.parametrize("beginning", [b"", b"\r\n", BEGUN], ids=["nothing", "line ends", "header"])
def test_a_slow_header_has_a_deadline(collector: Service, signer: Signer, beginning: bytes) -> None:
    """A connection that says nothing, or a byte now and then, is closed in the header's time."""
    with connected(collector) as one:
        one.sendall(beginning)
        taken = drip(one, 2 * HEADER_SECONDS + SLACK) if beginning == BEGUN else 0.0
        assert is_closed(one, HEADER_SECONDS + SLACK)
    assert taken < HEADER_SECONDS + SLACK
    require_good_post(collector, signer)


def test_a_slow_body_has_a_deadline(collector: Service, signer: Signer, folder: Path) -> None:
    """A body that comes a byte at a time is closed in the body's time, and nothing of it is written."""
    body = json.dumps([{"event": "open", "sg_event_id": "slow"}]).encode().ljust(1000)
    with connected(collector) as one:
        one.sendall(signed_header(signer, body))
        assert BODY_SECONDS - 0.5 < drip(one, 3 * BODY_SECONDS) < BODY_SECONDS + SLACK
    assert "slow" not in {line["sg_event_id"] for line in lines_in(folder)}


def test_stalled_bodies_hold_nobody_up(collector: Service, signer: Signer) -> None:
    """120 bodies that stop before their end: good posts go on, memory is bounded, and all are closed in time."""
    before = memory(collector)
    first = signed_header(signer, b"x", MAX_BODY) + b"a" * (MAX_BODY - 10)
    with many(collector, 120, first) as stalled:
        for _ in range(3):
            require_good_post(collector, signer)
        assert memory(collector) - before < 4 * MAX_HELD
        end = time.monotonic() + BODY_SECONDS + SLACK
        assert all(is_closed(one, max(0.01, end - time.monotonic())) for one in stalled)
    require_good_post(collector, signer)


def test_too_many_connections_hold_nobody_up(collector: Service, signer: Signer) -> None:
    """Of more connections than there may be, those that waited longest are closed; a good post has its place."""
    with many(collector, 2 * MAX_CONNECTIONS, BEGUN) as waiting:
        for _ in range(3):
            require_good_post(collector, signer)
        assert open_sockets(collector) <= MAX_CONNECTIONS + 5
        assert is_closed(waiting[0], 1)


def test_idle_connections_are_closed(collector: Service) -> None:
    """A connection that was answered and says nothing more is closed."""
    with connected(collector) as one:
        one.sendall(b"GET /health HTTP/1.1\r\nHost: collector\r\n\r\n")
        assert one.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert is_closed(one, HEADER_SECONDS + SLACK)


def test_answers_that_nobody_reads(collector: Service, signer: Signer) -> None:
    """A client that sends requests and reads no answer is closed, though its answers cannot leave."""
    page = f"GET /unsubscribe/{make_token(SECRET, 'm', 't')} HTTP/1.1\r\nHost: collector\r\n\r\n".encode()
    began = time.monotonic()
    with connected(collector, receive_buffer=2048) as one, suppress(ConnectionError):
        one.settimeout(BODY_SECONDS + 2 * SLACK)
        while time.monotonic() - began < 20:
            one.sendall(page)
            time.sleep(0.0005)
    assert time.monotonic() - began < 20
    require_good_post(collector, signer)


def test_requests_in_one_piece_are_few(collector: Service, signer: Signer) -> None:
    """A thousand requests in one piece end the connection; two are answered in their order."""
    get = b"GET /health HTTP/1.1\r\nHost: collector\r\n\r\n"
    with connected(collector) as one:
        one.sendall(get + b"GET /nowhere HTTP/1.1\r\nHost: collector\r\n\r\n")
        said = b""
        while said.count(b"HTTP/1.1 ") < 2:
            said += one.recv(4096)
        assert said.index(b"HTTP/1.1 200 ") < said.index(b"HTTP/1.1 404 ")
    with connected(collector) as one:
        one.sendall(get * 1_000)
        assert is_closed(one, 1)
    require_good_post(collector, signer)


def test_unsigned_posts_are_refused_before_their_body(collector: Service, signer: Signer) -> None:
    """Without signature headers, or with an old timestamp, the answer comes while the body is still to come."""
    bare = f"POST /events HTTP/1.1\r\nHost: collector\r\nContent-Length: {MAX_BODY}\r\n"
    old = "".join(f"{name}: {value}\r\n" for name, value in signer.headers(b"x", "1600112502").items())
    for header in (bare, bare + old, bare + "Expect: 100-continue\r\n"):
        with connected(collector) as one:
            one.sendall(header.encode() + b"\r\n")
            assert one.recv(4096).startswith(b"HTTP/1.1 403 ")


def test_bodies_past_the_limit_are_refused_early(collector: Service, signer: Signer) -> None:
    """A length past the limit is 413 before the body; chunks past it are 413 as soon as they are."""
    with connected(collector) as one:
        one.sendall(signed_header(signer, b"x", MAX_BODY + 1, Expect="100-continue"))
        assert one.recv(4096).startswith(b"HTTP/1.1 413 ")
    with connected(collector) as one:
        chunk = b"2710\r\n" + b"a" * 10_000 + b"\r\n"
        one.sendall(signed_header(signer, b"x", Transfer_Encoding="chunked") + chunk * 21)
        assert one.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_good_post_in_pieces_is_taken(collector: Service, signer: Signer, folder: Path) -> None:
    """Asked to wait for 100 Continue, in chunks, and with a header in pieces, a good post is taken."""
    body = json.dumps([{"event": "open", "sg_event_id": "pieces", "pad": "x" * 100_000}]).encode()
    header = signed_header(signer, body, Transfer_Encoding="chunked", Expect="100-continue")
    with connected(collector) as one:
        one.sendall(header[:40])
        time.sleep(0.2)
        one.sendall(header[40:])
        assert one.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for start in range(0, len(body), 30_000):
            piece = body[start : start + 30_000]
            one.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        one.sendall(b"0\r\n\r\n")
        assert one.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert "pieces" in {line["sg_event_id"] for line in lines_in(folder)}


def test_large_posts_follow_each_other(collector: Service, signer: Signer, folder: Path) -> None:
    """Posts of almost the largest size, header and body apart, are all taken over one connection."""
    with connected(collector) as one:
        for number in range(5):
            body = json.dumps([{"event": "open", "sg_event_id": f"large-{number}", "pad": "x" * 190_000}]).encode()
            one.sendall(signed_header(signer, body))
            time.sleep(0.05 * (number % 2))
            one.sendall(body)
            assert one.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert {f"large-{number}" for number in range(5)} <= {line["sg_event_id"] for line in lines_in(folder)}


def test_nothing_is_inflated(collector: Service, signer: Signer) -> None:
    """A compressed body is bytes like any other: signed as they came, and no JSON."""
    bomb = gzip.compress(b"[" + b" " * 20_000_000 + b"]")
    with connected(collector) as one:
        one.sendall(signed_header(signer, bomb, Content_Encoding="gzip") + bomb)
        assert one.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_many_small_chunks_hold_nobody_up(collector: Service, signer: Signer) -> None:
    """Bodies in chunks of one byte, at full speed over several connections, leave room for good posts."""
    stop = threading.Event()
    header = signed_header(signer, b"x", Transfer_Encoding="chunked")

    def stream() -> None:
        while not stop.is_set():
            with suppress(OSError), connected(collector) as one:
                one.sendall(header)
                while not stop.is_set():
                    one.sendall(b"1\r\na\r\n" * 10_000)

    threads = [threading.Thread(target=stream, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    for _ in range(3):
        require_good_post(collector, signer)
    stop.set()
    for thread in threads:
        thread.join(5)


def test_the_log_stays_short(collector: Service, signer: Signer) -> None:
    """However many connections are closed, the log has one line per minute for them, and no traceback."""
    with many(collector, 2 * MAX_CONNECTIONS, BEGUN):
        pass
    token = make_token(SECRET, "m", "t")
    with connected(collector) as one:
        one.sendall(f"POST /unsubscribe/{token} HTTP/1.1\r\nHost: collector\r\nContent-Length: 9\r\n\r\n".encode())
    host = b" HTTP/1.1\r\nHost: collector\r\n"
    for garbage in (b"no HTTP\r\n\r\n", b"GET http://[" + host + b"\r\n", b"GET /\xff" + host + b"\r\n", b"\0" * 99):
        for _ in range(5):
            with connected(collector) as one:
                one.sendall(garbage)
                assert one.recv(4096).startswith(b"HTTP/1.1 400 ")
    upgrade = host + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n"
    with connected(collector) as one:
        one.sendall(b"GET /health" + upgrade)
        assert one.recv(4096).startswith(b"HTTP/1.1 200 ")
    require_good_post(collector, signer)
    log = collector.log.read_text()
    assert 1 <= log.count("closed connections since") <= 3
    assert "Traceback" not in log
    assert "Invalid HTTP" not in log
