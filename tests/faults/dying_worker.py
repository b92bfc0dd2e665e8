"""A delivery worker with a place to die: the product's own run, with its seams wrapped from outside.

The product knows nothing of this. The wrapped seams are the claim, the request (down to the socket), the record of the
answer and the commit inside that record. The phase of each worker is in a shared file, so that a test that kills a
worker from outside sees the phase in which it died.
"""

from __future__ import annotations

import mmap
import os
import random
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from lifecycle_mail.delivery import worker
from lifecycle_mail.errors import LifecycleError
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.sendgrid import provider
from lifecycle_mail.settings import Settings

POINTS = (
    "before claim",
    "while claiming",
    "after claim commit",
    "request half written",
    "request written, no answer",
    "after answer, before record",
    "while recording, after a statement",
    "while recording, before commit",
    "after record",
)
PHASES = ("claiming", "requesting", "recording")
REQUESTED = len(PHASES)  # the place after them: whether the worker has begun a request yet
SLOT_BYTES = 4
REFUSED, CRASHED = 1, 2
LARGE_WRITE_BYTES = 2000  # a request's body; its headers are smaller

IMMEDIATELY_PLANNED_AGAIN = """
with again as (
    update message.message set state = 'planned', lease_until = null
    where state = 'claimed' and lease_until < cast(:now as timestamptz)
    returning enrollment_id, step
)
delete from delivery.cap_reservation using again
where cap_reservation.enrollment_id = again.enrollment_id and cap_reservation.step = again.step
"""


@dataclass(frozen=True)
class Orders:
    """What one worker is to do.

    The worker dies (or stops, with `halt` 'stop') the `nth` time that it reaches `point`; None = it does not die.
    `limit` is the most mails of one request. Its clock shows `starts_at` (ISO) at unix second `starts_epoch` and goes
    on from there; each reading is off by up to `jump_hours`. `unsafe` makes the worker plan expired claims again at
    once, which no worker may. `waits` is the share that remains of each wait. An answer has `timeout_seconds` to come,
    and a claim holds for `lease_seconds`.
    """

    name: str
    slot: int
    starts_at: str
    starts_epoch: float
    point: str | None = None
    nth: int = 1
    halt: str = "kill"
    limit: int = 1000
    jump_hours: float = 0.0
    unsafe: bool = False
    waits: float = 1.0
    timeout_seconds: float = 30.0
    lease_seconds: float = 300.0
    seed: int = 0


def work(orders: Orders, phases: mmap.mmap) -> int:
    """Run the delivery to its end, or to the point at which it dies. Return the process's exit status."""
    draw = random.Random(orders.seed)
    _Seams(orders, phases, draw).wrap()
    os.environ["LIFECYCLE_CLAIM_LEASE_SECONDS"] = str(orders.lease_seconds)
    os.environ["LIFECYCLE_REQUEST_TIMEOUT_SECONDS"] = str(orders.timeout_seconds)
    try:
        installation = open_installation(Settings.from_environment(os.environ))
        clock = _clock(orders, draw)
        if orders.unsafe:
            _plan_expired_claims_again(installation, clock())
        report = worker.deliver(
            installation.engine,
            installation.settings,
            installation.topics,
            clock=clock,
            worker=orders.name,
            shard=orders.slot,
            sleep=lambda seconds: time.sleep(seconds * orders.waits),
        )
    except (LifecycleError, DBAPIError) as error:
        print(f"{orders.name}: {type(error).__name__} {str(error).splitlines()[0]}", file=sys.stderr)
        return REFUSED
    print(f"{orders.name}: {report.counts()}", file=sys.stderr)
    return 0


def _clock(orders: Orders, draw: random.Random) -> Callable[[], datetime]:
    start = datetime.fromisoformat(orders.starts_at)

    def now() -> datetime:
        jump = timedelta(hours=draw.uniform(-orders.jump_hours, orders.jump_hours))
        return start + timedelta(seconds=time.time() - orders.starts_epoch) + jump

    return now


def _plan_expired_claims_again(installation: Installation, now: datetime) -> None:
    with installation.engine.begin() as connection:
        connection.execute(sa.text(IMMEDIATELY_PLANNED_AGAIN), {"now": now})


class _Seams:
    """The wrapped places of one process."""

    def __init__(self, orders: Orders, phases: mmap.mmap, draw: random.Random) -> None:
        self.orders = orders
        self.phases = phases
        self.draw = draw
        self.seen: Counter[str] = Counter()
        self.here = threading.local()  # a pipeline may request in one thread while it claims in another

    def wrap(self) -> None:
        worker.claim = self._claim(worker.claim)  # type: ignore[assignment]
        worker.record = self._record(worker.record)  # type: ignore[assignment]
        provider.Provider.send = self._send(provider.Provider.send)  # type: ignore[method-assign]
        send, send_all = socket.socket.send, socket.socket.sendall
        socket.socket.send = self._writes(send, send_all)  # type: ignore[method-assign]
        socket.socket.sendall = self._writes(send_all, send_all)  # type: ignore[method-assign]
        for name in ("recv", "recv_into"):
            setattr(socket.socket, name, self._reads(getattr(socket.socket, name)))
        sa.event.listen(Engine, "after_cursor_execute", self._after_statement)
        sa.event.listen(Engine, "commit", self._before_commit)

    def reach(self, point: str, *, count: bool = True) -> None:
        """Die here if this is the place and the time."""
        if point != self.orders.point:
            return
        self.seen[point] += count
        if self.seen[point] == self.orders.nth:
            self.seen[point] += 1
            os.kill(os.getpid(), signal.SIGSTOP if self.orders.halt == "stop" else signal.SIGKILL)

    def armed(self, point: str) -> bool:
        """Whether the request under way is the one in which to die."""
        return self.orders.point == point and self.seen["requests"] == self.orders.nth

    @contextmanager
    def phase(self, name: str) -> Any:
        place = self.orders.slot * SLOT_BYTES + PHASES.index(name)
        self.phases[place] = 1
        setattr(self.here, name, True)
        try:
            yield
        finally:
            setattr(self.here, name, False)
            self.phases[place] = 0

    def within(self, name: str) -> bool:
        return bool(getattr(self.here, name, False))

    def _claim(self, original: Any) -> Any:
        def claim(engine: Any, setup: Any, batch: Any) -> Any:
            self.reach("before claim")
            with self.phase("claiming"):
                claimed = original(engine, setup, replace(batch, limit=min(batch.limit, self.orders.limit)))
            if claimed.attempt:
                self.reach("after claim commit")
            return claimed

        return claim

    def _send(self, original: Any) -> Any:
        def send(*given: Any, **more: Any) -> Any:
            self.seen["requests"] += 1
            self.phases[self.orders.slot * SLOT_BYTES + REQUESTED] = 1
            with self.phase("requesting"):
                answer = original(*given, **more)
            self.reach("after answer, before record")
            return answer

        return send

    def _record(self, original: Any) -> Any:
        def record(*given: Any, **more: Any) -> Any:
            with self.phase("recording"):
                recorded = original(*given, **more)
            self.reach("after record")
            return recorded

        return record

    def _writes(self, original: Any, send_all: Any) -> Any:
        def write(sock: socket.socket, data: Any, *rest: Any) -> Any:
            armed = self.within("requesting") and self.armed("request half written") and not self.seen["halved"]
            if not armed or len(data) <= LARGE_WRITE_BYTES:
                return original(sock, data, *rest)
            self.seen["halved"] += 1  # in its first piece: a worker that was only stopped goes on with the others
            half = len(data) // 2
            send_all(sock, data[:half], *rest)
            self._die_in_request("request half written")
            written = original(sock, data[half:], *rest)  # it was only stopped
            return None if written is None else half + written

        return write

    def _reads(self, original: Any) -> Any:
        def read(sock: socket.socket, *rest: Any) -> Any:
            if self.within("requesting") and self.armed("request written, no answer"):
                self._die_in_request("request written, no answer")
            return original(sock, *rest)

        return read

    def _die_in_request(self, point: str) -> None:
        time.sleep(self.draw.uniform(0, 0.1))  # so that the provider has read what was written, or has not
        self.seen[point] = self.orders.nth
        self.reach(point, count=False)

    def _after_statement(self, *_: Any) -> None:
        if self.within("recording"):
            self.reach("while recording, after a statement")

    def _before_commit(self, _: Any) -> None:
        if self.within("recording"):
            self.reach("while recording, before commit")
        if self.within("claiming"):
            self.reach("while claiming")
