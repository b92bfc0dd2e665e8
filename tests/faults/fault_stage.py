"""The stage of a fault scenario: planned mails, simulator, collector and workers, each a real process.

A scenario runs workers on it, then calls `settle`, which plays what comes afterwards: the rest is sent, the lease of
every dead worker ends, the events come in, and the topic's policy decides the mails without any event.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.engine import Engine

from builders import NOON, rows
from dying_worker import PHASES, REFUSED, REQUESTED, SLOT_BYTES, Orders
from event_feed import post_all, processed_events, signer_of
from planning import campaign_of, plan, topic_of
from proof import Ledger, read_accepted, read_ledger
from running_services import (
    API_KEY,
    INCLUDE,
    Service,
    clean_environment,
    module_command,
    running_collector,
    running_simulator,
    settle,
)
from sendgrid_simulator.faults import Fault, Faults, read_faults

HERE = Path(__file__).resolve().parent
LEASE = timedelta(minutes=5)
SETTLE_AFTER_HOURS = 48
ABANDON_AFTER_HOURS = SETTLE_AFTER_HOURS + 24
SLOTS = 4096
SIMULATOR_SEED = 7  # its default, by which its faults are drawn
CLEAR_ANSWERS = (400, 401, 413, 429)
TOPICS = """topics:
  reminders:
    description: Reminders about your cart
    sender: {{name: Shop, email: hello@example.com}}
    {kind}
    in_doubt: {policy}
    settle_after_hours: {hours}
"""
KINDS = {"capped": "cap: {mails: 1, per: day}", "uncapped": "kind: transactional"}
"""Topics by what keeps a mail from going twice in addition to the ledger: a cap's unique place, or nothing."""


def plan_mails(engine: Engine, recipients: int, kind: str = "capped") -> None:
    """Plan one mail for each of `recipients` customers, due at noon and not stale for ten days."""
    with engine.begin() as connection:
        connection.exec_driver_sql("insert into source.load default values")
        connection.exec_driver_sql(
            f"""insert into source.customer (customer_id, email, created_at, permission, permission_at, load_id)
            select 'c' || n, 'c' || n || '@example.com', now(), 'confirmed', now(), 1
            from generate_series(1, {recipients}) as n"""  # noqa: S608 - a number of this file
        )
        connection.exec_driver_sql(
            """insert into segment.membership (segment, customer_id, occurrence, occurred_at, context, entered_at)
            select 'cart_abandoned', customer_id, 'cart-' || customer_id, '2026-03-02 11:00Z',
            '{"cart_id": "1", "cart_url": null, "currency": "EUR", "item_count": 1, "total": 3, "items":
            [{"product_id": "p", "name": "Soap", "quantity": 1, "unit_price": 3, "url": null, "image_url": null}]}',
            '2026-03-02 12:00Z' from source.customer"""
        )
    topic = topic_of(kind="transactional") if kind == "uncapped" else topic_of(cap={"mails": 1, "per": "day"})
    plan(engine, campaign_of(max_lateness_hours=240), topic)


@dataclass
class Worker:
    """One worker process; `status` is None while it lives, and below zero if a signal ended it."""

    orders: Orders
    pid: int = 0
    status: int | None = None
    died_in: tuple[str, ...] = ()
    started: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def was_killed(self) -> bool:
        return self.status == -signal.SIGKILL

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def is_stopped(self) -> bool:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


class Nursery:
    """Starts workers by forking a warm parent."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._phases_file = folder / "phases"
        self._phases_file.write_bytes(bytes(SLOTS * SLOT_BYTES))
        with self._phases_file.open("r+b") as file:
            self._phases = mmap.mmap(file.fileno(), 0)
        self.log = folder / "workers.log"
        self._workers: dict[str, Worker] = {}
        command = [sys.executable, str(HERE / "worker_nursery.py"), str(self._phases_file)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, orders: Orders) -> Worker:
        """Fork a worker, and return once it runs."""
        worker = self._workers[orders.name] = Worker(orders)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(orders)).encode() + b"\n")
        self._process.stdin.flush()
        assert worker.started.wait(120), f"no worker was forked: {self.log.read_text()[-3000:]}"
        return worker

    def kill(self, worker: Worker) -> None:
        """Kill the worker with kill -9 from outside, unless it has already ended."""
        if worker.status is None:
            worker.signal(signal.SIGKILL)
        assert worker.ended.wait(60)

    def has_requested(self, worker: Worker) -> bool:
        """Whether the worker has begun its first request: then it has long started."""
        return bool(self._phases[worker.orders.slot * SLOT_BYTES + REQUESTED])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._reader.join(30)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            worker = self._workers[event.get("started") or event["ended"]]
            if "started" in event:
                worker.pid = event["pid"]
                worker.started.set()
                continue
            begin = worker.orders.slot * SLOT_BYTES
            worker.died_in = tuple(name for place, name in enumerate(PHASES) if self._phases[begin + place])
            worker.status = event["status"]
            worker.ended.set()


@dataclass
class Tally:
    """What happened to the workers of a scenario."""

    kills: Counter[str] = field(default_factory=Counter)
    kills_inside_a_request: int = 0
    finished: int = 0
    names: list[str] = field(default_factory=list)
    killed: set[str] = field(default_factory=set)
    gave_up: set[str] = field(default_factory=set)
    """Those that ended with the product's own refusal, or without their database."""

    @property
    def refused(self) -> int:
        return len(self.gave_up)

    def count(self, worker: Worker) -> None:
        if worker.was_killed:
            self.kills[worker.orders.point or "at a random moment"] += 1
            self.kills_inside_a_request += "requesting" in worker.died_in
            self.killed.add(worker.orders.name)
        elif worker.status == REFUSED:
            self.gave_up.add(worker.orders.name)
        else:
            self.finished += 1


@dataclass(frozen=True)
class Evidence:
    """What the ledger is held against: what was planned, what was done, and what the provider itself saw."""

    planned: int
    accepted: Counter[str]
    """How often the provider took each message id; `addresses` how often each address."""
    addresses: Counter[str]
    received: int | None
    """Requests that reached the provider; None if it was restarted and has forgotten them."""
    unclear_answers: int
    """Answers that leave open whether the mails went, as ordered; `refused_recipients` were named by an ordered 400;
    `oversized_answers` are ordered 413s."""
    refused_recipients: int
    oversized_answers: int
    tally: Tally


@dataclass
class Afterwards:
    """The ledger at the moments that count; `silent` is after hours without any event, and `taken` what the provider
    had taken until then."""

    taken: set[str]
    sent: Ledger
    silent: Ledger
    with_events: Ledger
    end: Ledger


class Stage:
    """Everything of one scenario. Times of workers are counted from noon of the day the mails are planned for."""

    def __init__(
        self, engine: Engine, simulator: Service, collector: Service, folder: Path, recipients: int, policy: str,
        kind: str, settle_after_hours: float,
    ) -> None:  # fmt: skip
        self.engine = engine
        self.recipients = recipients
        self.simulator = simulator
        self.collector = collector
        self.record = folder / "record"
        self.events = folder / "events"
        self.tally = Tally()
        self.started = time.monotonic()
        self._epoch = time.time()
        self._slot = 0
        self._was_restarted = False
        self._ordered, self._ordered_after = Faults(), 0
        self._struck: list[Fault] = []
        topics = folder / "topics.yaml"
        topics.write_text(TOPICS.format(kind=KINDS[kind], policy=policy, hours=settle_after_hours))
        self.environment = clean_environment(
            LIFECYCLE_DATABASE_URL=engine.url.render_as_string(hide_password=False),
            LIFECYCLE_MODE="simulate",
            LIFECYCLE_TOPICS_FILE=str(topics),
            SENDGRID_API_KEY=API_KEY,
            SENDGRID_BASE_URL=simulator.url,
        )
        self.environment["PYTHONPATH"] = f"{HERE}{os.pathsep}{INCLUDE}"
        self.nursery = Nursery(folder, self.environment)

    def orders(self, after: timedelta = timedelta(0), **changes: Any) -> Orders:
        """Orders of a worker whose clock is `after` ahead."""
        self._slot += 1
        name = f"worker-{self._slot}"
        self.tally.names.append(name)
        return Orders(name, self._slot, (NOON + after).isoformat(), self._epoch, seed=self._slot, **changes)

    def start(self, after: timedelta = timedelta(0), **changes: Any) -> Worker:
        return self.nursery.start(self.orders(after, **changes))

    def finish(self, worker: Worker, seconds: float = 300.0) -> Worker:
        """Wait for a worker's end and count it. A crash that the test did not order fails the test."""
        assert worker.ended.wait(seconds), f"{worker.orders} did not end: {self.nursery.log.read_text()[-3000:]}"
        assert worker.was_killed or worker.status in (0, REFUSED), self.nursery.log.read_text()[-6000:]
        self.tally.count(worker)
        return worker

    def run(self, after: timedelta = timedelta(0), **changes: Any) -> Worker:
        return self.finish(self.start(after, **changes))

    def faults(self, delay_ms: float = 0.0, *faults: dict[str, Any]) -> None:
        """Replace the simulator's faults."""
        self._note_struck()
        wanted = {"delay_ms": delay_ms, "faults": list(faults)}
        self.simulator.client.post("/simulator/faults", json=wanted).raise_for_status()
        self._ordered = read_faults(wanted)

    def _note_struck(self) -> None:
        """Draw the ordered faults again for each request they could befall, as the simulator drew them."""
        received = self._received()
        for number in range(self._ordered_after + 1, received + 1):
            if fault := self._ordered.choose(SIMULATOR_SEED, number):
                self._struck.append(fault)
        self._ordered_after = received

    def _received(self) -> int:
        return int(self.simulator.client.get("/simulator/state").json()["received"])

    def restart_simulator(self) -> None:
        """Kill the provider with kill -9. It comes back at the same address and goes on with its record.

        What its recipients would still have done is lost. `collect_events` reports the mails that it took again.
        """
        command = self.simulator.process.args
        self.simulator.kill()
        time.sleep(0.3)
        with self.simulator.log.open("a") as output:
            self.simulator.process = subprocess.Popen(
                command, env=clean_environment(), stdout=output, stderr=subprocess.STDOUT, text=True
            )
        self._was_restarted = True
        self._ordered, self._ordered_after = Faults(), 0
        wait_until(self._simulator_answers)

    def _simulator_answers(self) -> bool:
        try:
            return self.simulator.client.get("/simulator/state").status_code == 200
        except httpx.TransportError:
            return False

    def close(self) -> None:
        self.nursery.close()
        self.simulator.process.terminate()
        self.simulator.process.wait(20)

    def evidence(self) -> Evidence:
        """What the scenario is judged by, as it stands."""
        self._note_struck()
        return Evidence(
            planned=self.recipients,
            accepted=self.accepted(),
            addresses=read_accepted(self.record, "address"),
            received=None if self._was_restarted else self._received(),
            unclear_answers=sum(is_unclear(fault) for fault in self._struck),
            refused_recipients=sum(fault.status == 400 and fault.recipient is not None for fault in self._struck),
            oversized_answers=sum(fault.status == 413 for fault in self._struck),
            tally=self.tally,
        )

    def accepted(self) -> Counter[str]:
        return read_accepted(self.record)

    def ledger(self) -> Ledger:
        return read_ledger(self.engine)

    def waiting(self) -> int:
        """Mails that are still planned."""
        with self.engine.connect() as connection:
            return int(rows(connection, "select count(*) from message.message where state = 'planned'")[0][0])

    def campaign(
        self,
        workers: int,
        orders: Callable[[], Orders],
        meanwhile: Callable[[Sequence[Worker]], None] = lambda living: None,
        seconds: float = 600.0,
    ) -> None:
        """Keep this many workers running, with a new one for each that dies, until one finds nothing more to send."""
        living: list[Worker] = []
        deadline, is_over = time.monotonic() + seconds, False
        while living or not is_over:
            assert time.monotonic() < deadline, f"no end: {self.nursery.log.read_text()[-3000:]}"
            while len(living) < workers and not is_over:
                living.append(self.nursery.start(orders()))
            meanwhile(living)
            time.sleep(0.005)
            for worker in [worker for worker in living if worker.status is not None]:
                living.remove(self.finish(worker))
                is_over = is_over or worker.status == 0

    def drain(self, after: timedelta) -> None:
        """Send what is still planned, without faults."""
        for _ in range(5):
            if self.run(after, waits=0.05).status == 0:
                return
        raise AssertionError(f"the rest could not be sent: {self.nursery.log.read_text()[-3000:]}")

    def ingest(self, folder: Path | None = None) -> None:
        """`events ingest`, as the process it is."""
        command = module_command("lifecycle_mail", "events", "ingest", str(folder or self.events))
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def collect_events(self) -> None:
        """Wait until the simulator has posted every event."""
        settle(self.simulator, seconds=300.0)
        if self._was_restarted:
            events = processed_events(self.accepted(), int(time.time()))
            post_all(self.collector.url, signer_of(self.record), events)

    def settle(self) -> Afterwards:
        """Send the rest, let leases end, wait without events, take the events in, let the policy decide.

        The silence ends an hour before mails of the policy 'abandon' end without events. By then the hours of the other
        policy are long over.
        """
        return self.settle_after(timedelta(0))

    def settle_after(self, latest: timedelta) -> Afterwards:
        """Do the same if the clock of some worker was `latest` ahead."""
        self.faults()
        self.drain(latest + 2 * LEASE)
        sent = self.ledger()
        later = latest + timedelta(hours=ABANDON_AFTER_HOURS) + 4 * LEASE
        self.drain(timedelta(hours=ABANDON_AFTER_HOURS - 1))
        silent, taken = self.ledger(), set(self.accepted())
        self.collect_events()
        self.ingest()
        with_events = self.ledger()
        self.drain(later)
        return Afterwards(taken, sent, silent, with_events, self.ledger())


def is_unclear(fault: Fault) -> bool:
    """Whether this answer leaves open if the mails were taken."""
    return fault.answer != "status" or fault.status not in CLEAR_ANSWERS


@contextmanager
def stage_on(
    engine: Engine, folder: Path, recipients: int, policy: str = "abandon", *options: str, kind: str = "capped",
    settle_after_hours: float = SETTLE_AFTER_HOURS,
) -> Iterator[Stage]:  # fmt: skip
    """Put simulator, collector and nursery around a database with so many planned mails."""
    events = folder / "events"
    events.mkdir()
    record = folder / "record"
    record.mkdir()
    key = signer_of(record).public_key
    with ExitStack() as stack:
        collector = stack.enter_context(running_collector(events, SENDGRID_WEBHOOK_PUBLIC_KEY=key))
        simulator = stack.enter_context(
            running_simulator(record, "--webhook-url", f"{collector.url}/events", "--speed", "36000", *options)
        )
        stage = Stage(engine, simulator, collector, folder, recipients, policy, kind, settle_after_hours)
        stack.callback(stage.close)
        yield stage


def named(kind: str) -> str:
    """What is added to a scenario's name if its topic has no cap."""
    return ", no cap" if kind == "uncapped" else ""


def some_time(draw: random.Random, low: float, high: float) -> float:
    """The monotonic second of a next incident."""
    return time.monotonic() + draw.uniform(low, high)


def wait_until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for something another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
