"""What a connection may cost: time for its header and its body, bytes, and a place among a limited number.

uvicorn limits none of these for HTTP. Its parser and its answers are used as they are; this adds deadlines and counts.
A connection that exceeds one is closed without an answer. If places or memory run short, the connection that has kept
us waiting longest is closed. A healthy post takes milliseconds, so it is not that one.
"""

import asyncio
import logging
from collections import Counter, deque
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

log = logging.getLogger("event_collector")

HEADER_BYTES_MAX = 32_768
PIPELINED_MAX = 4
PIECES_MAX = 4_096  # of a body, plus one for each BYTES_OF_A_PIECE: chunks of one byte would cost seconds
BYTES_OF_A_PIECE = 100
LOG_SECONDS = 60.0
STATE = "connections"
"""The name under which the application's lifespan passes `Connections` to the protocol."""


class Limits(Protocol):
    """What the connections of one process may cost; as in `CollectorSettings`."""

    @property
    def header_seconds(self) -> float: ...
    @property
    def body_seconds(self) -> float: ...
    @property
    def max_connections(self) -> int: ...
    @property
    def max_held_bytes(self) -> int: ...


class Connections:
    """The connections of one process: which of them owe us bytes, and how many bytes they all hold."""

    def __init__(self, settings: Limits) -> None:
        self.settings = settings
        self.held = 0
        self._owing: dict[BoundedProtocol, None] = {}
        self._closed = Counter[str]()
        self._logged_at = float("-inf")

    def owes(self, one: "BoundedProtocol", owing: bool) -> None:
        """Record whether `one` owes us a header or a body from now on."""
        self._owing.pop(one, None)
        if owing:
            self._owing[one] = None

    def make_place(self, open_connections: int) -> None:
        """Close the connection that has owed us bytes longest, if there are too many."""
        if open_connections > self.settings.max_connections:
            next(iter(self._owing)).give_up("too many connections")

    def hold(self, bytes_more: int) -> None:
        """Count bytes of bodies; if there are too many, close the connection that has owed us its body longest."""
        self.held += bytes_more
        while self.held > self.settings.max_held_bytes:
            oldest = next((one for one in self._owing if one.held), None)
            if oldest is None:
                return
            oldest.give_up("too many bytes of unfinished bodies")

    def note_closed(self, reason: str, now: float) -> None:
        """Log closed connections at most once a minute, so that an attacker cannot fill the disk."""
        self._closed[reason] += 1
        if now - self._logged_at >= LOG_SECONDS:
            self._logged_at = now
            said = ", ".join(f"{why} ({times})" for why, times in sorted(self._closed.items()))
            log.warning("closed connections since the last such line: %s", said)
            self._closed.clear()


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol within the bounds of the settings. `held`: bytes of a body not yet answered."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.all: Connections = self.app_state[STATE]
        self.held = 0
        self._heads = 0
        self._in_head = True
        self._head_bytes = 0
        self._pieces = 0
        self._unanswered = deque[RequestResponseCycle]()
        self._stage: tuple[str, int] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._enter_stage()
        self.all.make_place(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._end_requests()
        self._leave()

    def data_received(self, data: bytes) -> None:
        """Give the parser what came, but of a header no more than the limit."""
        while data and not self.transport.is_closing():
            piece = data[: HEADER_BYTES_MAX - self._head_bytes] if self._in_head else data
            data = data[len(piece) :]
            in_head, heads = self._in_head, self._heads
            super().data_received(piece)
            self._count(len(piece), in_head and self._in_head and self._heads == heads)
        self._enter_stage()

    def _count(self, size: int, all_header: bool) -> None:
        if all_header:
            self._head_bytes += size
            if self._head_bytes >= HEADER_BYTES_MAX:
                self.give_up("header too large")
        elif self._unanswered:
            self.held += size
            self.all.hold(size)

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= PIPELINED_MAX:
            raise ValueError("too many requests before the first was answered")  # uvicorn answers 400 and closes
        self._pieces = 0
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        self._pieces += 1
        if self._pieces > PIECES_MAX + self.held // BYTES_OF_A_PIECE:
            raise ValueError("a body in too many pieces")  # likewise
        super().on_body(body)

    def on_headers_complete(self) -> None:
        self._heads += 1
        self._in_head = False
        super().on_headers_complete()
        self._unanswered.append(self.cycle)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head = True
        self._head_bytes = 0

    def on_response_complete(self) -> None:
        self._unanswered.popleft()  # answers leave in the order of their requests
        self._release()
        super().on_response_complete()
        self._enter_stage()

    def _enter_stage(self) -> None:
        """Begin the time of a new stage. A body that is no longer wanted is read and dropped in the body's time.

        The time of the last stage goes on while a closing connection still has something to write.
        """
        answered = self.cycle is None or self.cycle.response_complete
        name = "body" if not self._in_head else "header" if answered else "answer"
        if self._stage == (name, self._heads) or self.transport.is_closing():
            return
        self._stage = (name, self._heads)
        self.all.owes(self, name != "answer")
        settings = self.all.settings
        seconds = settings.header_seconds if name == "header" else settings.body_seconds
        self._stop_clock()
        self._deadline = self.loop.call_later(seconds, self.give_up, f"{name} too late")

    def give_up(self, reason: str) -> None:
        """Close the connection at once, even if something is still to be read or written."""
        self._leave()
        self._end_requests()
        self.all.note_closed(reason, self.loop.time())
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        super().send_400_response(msg)
        self._end_requests()
        self.all.note_closed("invalid request", self.loop.time())

    def _end_requests(self) -> None:
        """Tell the application that its client is gone; otherwise it would write to a closed transport."""
        for cycle in self._unanswered:
            cycle.disconnected = True
            cycle.message_event.set()

    def _leave(self) -> None:
        self._stop_clock()
        self._release()
        self.all.owes(self, False)

    def _release(self) -> None:
        self.all.hold(-self.held)
        self.held = 0

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
