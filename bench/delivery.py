"""Delivery: claim → render → send → record, a million mails of the cart template (three items each).

    python bench/delivery.py [--scale 1.0] [--profile]

Real worker processes of the command line deliver to the simulator's count-only sink; database, sink and workers
share the machine. Measured in one run: the whole campaign from segment to the last mail accepted, mails a second,
the same with 30 ms of delay, each beside the usual way (usual_way.py); the memory of a worker at 10,000 and at a
million mails; and 1, 2 and 4 workers with 300 ms of delay, one request in flight each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from cart_shop import NOON, fill, plan, refresh
from measuring import INCLUDE, PROFILES, Figure, bytes_a_row, report, say, url_of, warehouse
from sqlalchemy.engine import Engine
from usual_way import usual_rate

from local_stack.processes import free_port

MAILS = 1_000_000
SMALL = 10_000
DELAYED = 200_000
SCALING = 150_000
PROFILED = 30_000
LOOK_SECONDS = 0.25
WAL_GIGABYTES = 8
WORKERS = 2
PEER_MAILS, PEER_DELAYED_MAILS = 2_000, 200
LATER = NOON.replace(hour=14)  # every customer's window is open then
GROWING = (
    "segment.membership", "journey.enrollment", "journey.upcoming", "journey.step_due", "decision.decision",
    "message.message", "delivery.cap_reservation",
)  # fmt: skip
API_KEY = "SG.simulator"
LISTMONK_MB = 57


@dataclass(frozen=True)
class Run:
    """One delivery. `rate`: mails a second from the first request to the last; `seconds`: from the start of the
    processes to their end; `memory_mb`: the largest worker's peak."""

    mails: int
    rate: float
    seconds: float
    memory_mb: float


def main() -> None:
    """Measure everything once and report."""
    options = _options()
    size = lambda mails: max(2_000, round(mails * options.scale))  # noqa: E731
    if options.profile:
        _on_planned(size(PROFILED), lambda own, sink: _deliver(own, sink, 1, profile=True))
    small = _on_planned(size(SMALL), lambda own, sink: _deliver(own, sink, WORKERS))
    delayed, peer, peer_delayed = _on_planned(size(DELAYED), lambda own, sink: _with_delay(own, sink, options.scale))
    scaling = {n: _on_planned(size(SCALING), lambda own, sink, n=n: _slow(own, sink, n)) for n in (1, 2, 4)}
    with warehouse(WAL_GIGABYTES * options.scale) as own:
        fill(own, size(MAILS))
        refreshed = refresh(own)
        planned, _ = plan(own)
        with _sink() as sink:
            large = _deliver(own, sink, WORKERS)
        sizes = {f"{table}_bytes": bytes_a_row(own, table, large.mails) for table in GROWING}
    parts = {"segment": refreshed, "planning": sum(planned.values()), "delivery": large.seconds}
    judged = options.scale >= 1
    report("delivery", [
        _rate(large, peer, judged, sizes), _campaign(parts, large, peer, judged),
        _delayed(delayed, peer_delayed, judged), _memory(small, large, judged), *_scaling(scaling, judged),
    ])  # fmt: skip


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


def _on_planned(mails: int, measure: Any) -> Any:
    with warehouse() as own, _sink() as sink:
        fill(own, mails)
        refresh(own)
        plan(own)
        return measure(own, sink)


def _with_delay(own: Engine, sink: Sink, scale: float) -> tuple[Run, float, float]:
    """Measure the peer without delay, then both sides with 30 ms."""
    share = min(1.0, scale * 4)
    peer = usual_rate(own, sink.url, API_KEY, round(PEER_MAILS * share))
    say(f"the usual way: {peer:.0f} a second")
    sink.delay(30)
    peer_delayed = usual_rate(own, sink.url, API_KEY, round(PEER_DELAYED_MAILS * share))
    say(f"the usual way with 30 ms: {peer_delayed:.1f} a second")
    return _deliver(own, sink, 2 * WORKERS), peer, peer_delayed


def _slow(own: Engine, sink: Sink, workers: int) -> Run:
    sink.delay(300)
    return _deliver(own, sink, workers)


class Sink:
    """The simulator as a sink: it answers, counts recipients, and reads nothing."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {API_KEY}"}, trust_env=False, timeout=30
        )

    def delay(self, milliseconds: float) -> None:
        self._client.post("/simulator/faults", json={"delay_ms": milliseconds}).raise_for_status()

    def recipients(self) -> int:
        return int(self._client.get("/simulator/state").json()["recipients"])


@contextmanager
def _sink() -> Iterator[Sink]:
    with tempfile.TemporaryDirectory(prefix="bench-sink-") as folder:
        # A simulator left by a run that was killed would answer at a fixed one, with its own delay.
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "sendgrid_simulator", "--port", str(port), "--sink", "--record", folder,
             "--api-key", API_KEY],
            env={**os.environ, "PYTHONPATH": str(INCLUDE)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            sink = Sink(f"http://127.0.0.1:{port}")
            _wait_for(sink)
            yield sink
        finally:
            process.terminate()
            process.wait()


def _wait_for(sink: Sink) -> None:
    for _ in range(400):
        try:
            sink.recipients()
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise SystemExit("the simulator did not come up")


def _deliver(own: Engine, sink: Sink, workers: int, profile: bool = False) -> Run:
    """Deliver everything that is planned with `workers` processes; every mail must end accepted."""
    before = sink.recipients()
    started = time.perf_counter()
    processes = [_worker(own, sink, number, profile and number == 0) for number in range(workers)]
    first: tuple[float, int] | None = None
    done, moment, peaks = before, started, dict.fromkeys(range(workers), 0.0)
    while any(process.poll() is None for process in processes):
        time.sleep(LOOK_SECONDS)  # each look costs the cores that are measured
        count, now = sink.recipients(), time.perf_counter()
        if count > done:
            first = first or (now, count)
            done, moment = count, now
        for number, process in enumerate(processes):
            peaks[number] = max(peaks[number], _peak_mb(process.pid))
    seconds = time.perf_counter() - started
    if any(process.returncode for process in processes):
        raise SystemExit("a worker failed")
    mails = _all_accepted(own, done - before)
    assert first is not None
    run = Run(mails, (done - first[1]) / max(moment - first[0], 1e-9), seconds, max(peaks.values()))
    say(f"{workers} workers: {mails} mails, {run.rate:.0f} a second, {seconds:.1f} s in all, {run.memory_mb:.0f} MB")
    return run


def _worker(own: Engine, sink: Sink, number: int, profile: bool) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ, "PYTHONPATH": str(INCLUDE), "LIFECYCLE_DATABASE_URL": url_of(own), "LIFECYCLE_MODE": "simulate",
        "SENDGRID_BASE_URL": sink.url, "SENDGRID_API_KEY": API_KEY,
    }  # fmt: skip
    how = [str(Path(__file__).with_name("profiled.py")), str(PROFILES / "delivery.txt")] if profile else ["-m"]
    command = [sys.executable, *how, "lifecycle_mail", "deliver", "--now", LATER.isoformat(), "--shard", str(number)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _peak_mb(pid: int) -> float:
    """Return the peak resident memory of a living process, in MB (0 once it has ended)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


def _all_accepted(own: Engine, received: int) -> int:
    with own.connect() as connection:
        found = connection.execute(sa.text("select state, count(*) from message.message group by state"))
        states = {row[0]: row[1] for row in found}
    if set(states) != {"accepted"} or states["accepted"] != received:
        raise SystemExit(f"not every mail was accepted once: {states}, {received} received")
    return received


def _rate(large: Run, peer: float, judged: bool, sizes: dict[str, int]) -> Figure:
    return Figure(
        name="delivery_mails_a_second",
        what="claim, render, send and record a million mails of the cart template, two workers",
        value=round(large.rate),
        unit="mails/s",
        better="higher",
        limit=15_000 if judged else None,
        peer="the usual way: pandas, the whole mail rendered, one SendGridAPIClient call each, no delay",
        peer_value=round(peer, 1),
        bound_by="the processors: half is Python rendering slots, two fifths are PostgreSQL's look-ups and writes",
        details={
            "mails": large.mails,
            "workers": WORKERS,
            "seconds_with_start_of_processes": round(large.seconds, 2),
            **sizes,
        },
    )


def _campaign(parts: dict[str, float], large: Run, peer: float, judged: bool) -> Figure:
    seconds = sum(parts.values())
    return Figure(
        name="whole_campaign_seconds",
        what="from the segment's select to the last of a million mails accepted",
        value=round(seconds, 1),
        unit="s",
        better="lower",
        limit=120.0 if judged else None,
        peer="the usual way's delivery alone, at its measured rate",
        peer_value=round(large.mails / peer, 1),
        bound_by="delivery takes more than half of it, planning a quarter",
        details={f"{name}_seconds": round(part, 2) for name, part in parts.items()},
    )


def _delayed(delayed: Run, peer: float, judged: bool) -> Figure:
    return Figure(
        name="delivery_mails_a_second_30ms",
        what="the same with 30 ms of delay on both sides, four workers",
        value=round(delayed.rate),
        unit="mails/s",
        better="higher",
        peer="the usual way with 30 ms of delay",
        peer_value=round(peer, 2),
        ratio_limit=100.0 if judged else None,
        bound_by="the processors, as without delay: a request of a thousand waits once",
        details={"mails": delayed.mails, "workers": 2 * WORKERS},
    )


def _memory(small: Run, large: Run, judged: bool) -> Figure:
    return Figure(
        name="worker_memory_mb",
        what="peak resident memory of a delivery worker at a million mails",
        value=round(large.memory_mb, 1),
        unit="MB",
        better="lower",
        limit=120.0 if judged else None,
        peer="listmonk's published figure for 7 million (a compiled program)",
        peer_value=LISTMONK_MB,
        bound_by="70 MB are imported modules; the rest is one batch: a thousand rows and what was written for each",
        details={f"mb_at_{small.mails}": round(small.memory_mb, 1), f"mb_at_{large.mails}": round(large.memory_mb, 1)},
    )


def _scaling(runs: dict[int, Run], judged: bool) -> list[Figure]:
    one = runs[1].rate
    return [
        Figure(
            name=f"scaling_{workers}_workers",
            what=f"{workers} workers beside one, 300 ms of delay, one request in flight each",
            value=round(runs[workers].rate / one, 2),
            unit="times one worker",
            better="higher",
            limit=limit if judged else None,
            peer="linear",
            peer_value=workers,
            bound_by="two cores: four workers ask for more than one and a half of them between their waits",
            details={"mails_a_second": round(runs[workers].rate), "one_worker": round(one)},
        )
        for workers, limit in ((2, 1.8), (4, 3.4))
    ]


if __name__ == "__main__":
    main()
