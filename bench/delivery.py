"""Delivery: claim → render → send → record, a million mails of the cart template (three items each).

    python bench/delivery.py [--scale 1.0] [--profile]

Real worker processes of the command line deliver to the simulator's count-only sink. Database, sink and workers share
the machine. One run measures:

    the whole campaign from segment to the last accepted mail, in mails per second
    the same with 30 ms of delay
    the memory of a worker at 10,000 and at a million mails
    1, 2 and 4 workers with 300 ms of delay and one request in flight each

The first two are compared with the usual way (usual_way.py). It is measured in the same warehouse as the million, half
of it before and half of it after. Each figure says which processes used the processors.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import sqlalchemy as sa
from cart_shop import NOON, Crowd, fill, meanwhile, plan, refresh
from measuring import INCLUDE, PROFILES, Figure, bytes_a_row, report, say, url_of, warehouse
from sqlalchemy.engine import Engine
from usual_way import usual_rate

from local_stack.processes import free_port

MAILS = 1_000_000
SMALL = 10_000
DELAYED = 200_000
SCALING = 150_000
TROUBLED = 300_000
PROFILED = 30_000
LOOK_SECONDS = 0.25
WAL_GIGABYTES = 8
WORKERS = 2
PEER_MAILS, PEER_DELAYED_MAILS = 20_000, 600
LATER = NOON.replace(hour=14)  # every customer's window is open then
GROWING = (
    "segment.membership", "journey.enrollment", "journey.upcoming", "journey.step_due", "decision.decision",
    "message.message", "delivery.cap_reservation",
)  # fmt: skip
API_KEY = "SG.simulator"
LISTMONK = (
    "no ratio; listmonk 6.2.0 on two cores in November 2026: 40 MB at its defaults (81 mails/s), 1.2 GB at its fastest"
    " (3,900 mails/s by SMTP, 4,700 by HTTP, where ours sent 8,700)"
)
FLAT = 1.1  # times the memory at a hundredth of the mails


@dataclass(frozen=True)
class Run:
    """One delivery.

    `rate`: mails per second from the first request to the last. `seconds`: from the start of the processes to their
    end. `memory_mb`: the largest worker's peak. `shares`: of all processors' time, by program.
    """

    mails: int
    rate: float
    seconds: float
    memory_mb: float
    shares: dict[str, float]

    def processors(self) -> str:
        """Say which program used how much of the processors' time."""
        return ", ".join(f"{who} {share:.0%}" for who, share in self.shares.items())


def main() -> None:
    """Measure everything once and report."""
    options = _options()
    size = lambda mails: max(2_000, round(mails * options.scale))  # noqa: E731
    if options.profile:
        _on_planned(Crowd(size(PROFILED)), lambda own, sink: _deliver(own, sink, 1, profile=True))
    crowd = Crowd(size(TROUBLED), is_troubled=True)
    troubled = _on_planned(crowd, lambda own, sink: _deliver(own, sink, WORKERS, late=crowd.refused_late))
    small = _on_planned(Crowd(size(SMALL)), lambda own, sink: _deliver(own, sink, WORKERS))
    delayed, peer_delayed = _on_planned(Crowd(size(DELAYED)), lambda own, sink: _with_delay(own, sink, options.scale))
    scaling = {n: _on_planned(Crowd(size(SCALING)), lambda own, sink, n=n: _slow(own, sink, n)) for n in (1, 2, 4)}
    with warehouse(WAL_GIGABYTES * options.scale) as own, _sink() as sink:
        fill(own, Crowd(size(MAILS)))
        refreshed = refresh(own)
        planned, _ = plan(own)
        before = _usual(own, sink, PEER_MAILS / 2 * options.scale)
        large = _deliver(own, sink, WORKERS)
        peer = (before + _usual(own, sink, PEER_MAILS / 2 * options.scale)) / 2
        sizes = {f"{table}_bytes": bytes_a_row(own, table, large.mails) for table in GROWING}
    parts = {"segment": refreshed, "planning": sum(planned.values()), "delivery": large.seconds}
    judged = options.scale >= 1
    report("delivery", [
        _rate(large, peer, judged, sizes), _troubled(troubled, large), _campaign(parts, large, peer, judged),
        _delayed(delayed, peer_delayed, judged), *_memory(small, large, judged), *_scaling(scaling, judged),
    ])  # fmt: skip


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


def _on_planned(crowd: Crowd, measure: Any) -> Any:
    with warehouse() as own, _sink() as sink:
        fill(own, crowd)
        refresh(own)
        plan(own)
        meanwhile(own, crowd)
        return measure(own, sink)


def _usual(own: Engine, sink: Sink, mails: float) -> float:
    rate = usual_rate(own, sink.url, API_KEY, max(50, round(mails)))
    say(f"the usual way: {rate:.1f} a second")
    return rate


def _with_delay(own: Engine, sink: Sink, scale: float) -> tuple[Run, float]:
    """Measure both sides with 30 ms of delay."""
    sink.delay(30)
    peer = _usual(own, sink, PEER_DELAYED_MAILS * scale)
    return _deliver(own, sink, WORKERS), peer


def _slow(own: Engine, sink: Sink, workers: int) -> Run:
    sink.delay(300)
    return _deliver(own, sink, workers)


class Sink:
    """The simulator as a sink: it answers, counts recipients, and reads nothing."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid
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
            sink = Sink(f"http://127.0.0.1:{port}", process.pid)
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


def _deliver(own: Engine, sink: Sink, workers: int, profile: bool = False, late: int = 0) -> Run:
    """Deliver all planned mails with `workers` processes. Every mail must end as it has to: the claim refuses `late`
    mails."""
    before, used_before = sink.recipients(), _processor_seconds(own, sink)
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
    mails = _all_ended(own, done - before, late)
    used = _processor_seconds(own, sink)
    shares = {who: (used[who] - used_before[who]) / seconds / (os.cpu_count() or 1) for who in used}
    assert first is not None
    # Between two looks all of a small run may have gone.
    rate = (done - first[1]) / (moment - first[0]) if moment > first[0] else mails / seconds
    run = Run(mails, rate, seconds, max(peaks.values()), shares)
    say(f"{workers} workers: {mails} mails, {run.rate:.0f} a second, {seconds:.1f} s in all, {run.memory_mb:.0f} MB,"
        f" {run.processors()}")  # fmt: skip
    return run


def _processor_seconds(own: Engine, sink: Sink) -> dict[str, float]:
    """Return the processor seconds used so far by the workers that have ended, the database and the sink."""
    with own.connect() as connection:
        folder = connection.exec_driver_sql("show data_directory").scalar_one()
    server = int((Path(folder) / "postmaster.pid").read_text().split()[0])
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"workers": ended.ru_utime + ended.ru_stime, "PostgreSQL": _used(server), "sink": _used(sink.pid)}


def _used(pid: int) -> float:
    """Return the processor seconds of a process and of its children, those that have ended included."""
    top = psutil.Process(pid)
    times = [top.cpu_times(), *(child.cpu_times() for child in top.children(recursive=True))]
    return sum(one.user + one.system + one.children_user + one.children_system for one in times)


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


def _all_ended(own: Engine, received: int, late: int) -> int:
    """Return the mails accepted: all that were received, and all but those who ordered or complained meanwhile."""
    with own.connect() as connection:
        found = connection.execute(sa.text(
            "select coalesce(reason, state), count(*) from message.message group by state, reason"
        ))  # fmt: skip
        ends = {row[0]: row[1] for row in found}
    expected = {"accepted": received, "converted": late // 2, "suppressed": late - late // 2}
    if +Counter(ends) != +Counter(expected):
        raise SystemExit(f"not every mail ended as it has to: {ends}, {received} received")
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
        bound_by=f"the processors: {large.processors()}; Python renders slots, PostgreSQL looks up, judges and writes",
        details={
            "mails": large.mails,
            "workers": WORKERS,
            "seconds_with_start_of_processes": round(large.seconds, 2),
            "shares": {who: round(share, 3) for who, share in large.shares.items()},
            **sizes,
        },
    )


def _troubled(troubled: Run, large: Run) -> Figure:
    return Figure(
        name="delivery_mails_a_second_troubled",
        what="the same in a shop where the checks find something: 3 % refused, a third of them by the claim; suppressed"
        " people, former addresses, another day's places",
        value=round(troubled.rate),
        unit="mails/s",
        better="higher",
        peer="the million above, where they find nothing",
        peer_value=round(large.rate),
        bound_by=f"the processors: {troubled.processors()}; as above, with tables a third as large",
        details={"mails": troubled.mails, "workers": WORKERS},
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
        what="the same with 30 ms of delay on both sides, two workers",
        value=round(delayed.rate),
        unit="mails/s",
        better="higher",
        peer="the usual way with 30 ms of delay",
        peer_value=round(peer, 2),
        ratio_limit=100.0 if judged else None,
        bound_by=f"a request of a thousand waits once: {delayed.processors()} of the processors' time",
        details={"mails": delayed.mails, "workers": WORKERS},
    )


def _memory(small: Run, large: Run, judged: bool) -> list[Figure]:
    kept = {f"mb_at_{small.mails}": round(small.memory_mb, 1), f"mb_at_{large.mails}": round(large.memory_mb, 1)}
    bound_by = "70 MB are imported modules; the rest is one batch: a thousand rows and what was written for each"
    return [
        Figure(
            name="worker_memory_mb",
            what="peak resident memory of a delivery worker at a million mails",
            value=round(large.memory_mb, 1),
            unit="MB",
            better="lower",
            limit=120.0 if judged else None,
            peer=LISTMONK,
            bound_by=bound_by,
            details=kept,
        ),
        Figure(
            name="worker_memory_growth",
            what="the same beside a worker's at 10,000 mails",
            value=round(large.memory_mb / small.memory_mb, 3),
            unit="times",
            better="lower",
            limit=FLAT if judged else None,
            bound_by=bound_by,
        ),
    ]


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
            bound_by=f"waiting, one request at a time: {runs[workers].processors()} of the processors' time",
            details={"mails_a_second": round(runs[workers].rate), "one_worker": round(one)},
        )
        for workers, limit in ((2, 1.8), (4, 3.4))
    ]


if __name__ == "__main__":
    main()
