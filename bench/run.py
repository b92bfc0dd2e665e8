"""Run the benchmarks one after the other, keep their figures, and judge them.

    python bench/run.py [--scale 1.0] [--only delivery events …] [--profile]

At full scale results.json and RESULTS.md are written. The exit status is 1 where a figure misses its limit, or
where a ratio to its peer is less than four fifths of the one kept in results.json: machines differ and are noisy,
but both sides of a ratio were measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS, TABLE = HERE / "results.json", HERE / "RESULTS.md"
BENCHMARKS = ("delivery", "planning", "segments", "events", "roll_up")
REGRESSION = 0.8


def main() -> int:
    """Run what is asked for; return the exit status."""
    options = _options()
    known = _kept()
    fresh: dict[str, Any] = {}
    for name in options.only:
        fresh[name] = _measure(name, options)
        if options.scale >= 1:
            _keep(known | fresh)  # an hour's measuring is not lost where a later one is stopped
    problems = _problems(known, fresh)
    for line in problems or ["every figure keeps its limit, no ratio fell by more than a fifth"]:
        print(line)
    return 1 if problems else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", nargs="+", default=BENCHMARKS, choices=BENCHMARKS)
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


def _kept() -> dict[str, Any]:
    return json.loads(RESULTS.read_text(encoding="utf-8"))["benchmarks"] if RESULTS.exists() else {}


def _measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run one benchmark as a process of its own; its words go to stderr as they come."""
    command = [sys.executable, str(HERE / f"{name}.py"), "--scale", str(options.scale)]
    command += ["--profile"] if options.profile else []
    print(f"[{time.strftime('%H:%M:%S')}] {name}", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(done.stdout.strip().splitlines()[-1])
    return {"measured_on": time.strftime("%Y-%m-%d"), "figures": result["figures"]}


def _problems(known: dict[str, Any], fresh: dict[str, Any]) -> list[str]:
    """Return a sentence for each limit missed and each ratio that fell too far."""
    before = {figure["name"]: figure["ratio"] for result in known.values() for figure in result["figures"]}
    found = []
    for result in fresh.values():
        for figure in result["figures"]:
            if not figure["reached"]:
                found.append(f"{figure['name']}: {figure['value']} {figure['unit']} misses its limit {_limit(figure)}")
            was, now = before.get(figure["name"]), figure["ratio"]
            if was and now and now < REGRESSION * was:
                found.append(f"{figure['name']}: the ratio to its peer fell from {was:.2f} to {now:.2f}")
    return found


def _keep(results: dict[str, Any]) -> None:
    document = {"machine": _machine(), "command": "make bench", "benchmarks": results}
    RESULTS.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    TABLE.write_text(_table(document), encoding="utf-8")


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GB, Linux {platform.machine()}, Python {platform.python_version()}"


def _table(document: dict[str, Any]) -> str:
    rows = [_row(figure) for result in document["benchmarks"].values() for figure in result["figures"]]
    days = sorted({result["measured_on"] for result in document["benchmarks"].values()})
    return "\n".join([
        "# Benchmark results", "",
        f"`{document['command']}` on {document['machine']}, with database, simulator and workers on it;"
        f" measured {', '.join(days)}.",
        "Written by `bench/run.py`. A ratio above 1 is better than the peer, which was measured in the same run.",
        "`bench/profiles/` says where the time goes.", "",
        "| measure | must reach | measured | beside | peer | ratio | bound by |",
        "|---|---|---|---|---|---|---|", *rows, "", "## Details", "",
        *[f"* {figure['name']}: {_details(figure)}" for result in document["benchmarks"].values()
          for figure in result["figures"] if figure["details"]], "",
    ])  # fmt: skip


def _row(figure: dict[str, Any]) -> str:
    ratio = "–" if figure["ratio"] is None else f"{figure['ratio']:.2f}"
    measured = f"{figure['value']:,g} {figure['unit']}" + ("" if figure["reached"] else " (missed)")
    beside = "–" if figure["peer_value"] is None else f"{figure['peer_value']:,g}"
    cells = (figure["what"], _limit(figure), measured, figure["peer"] or "–", beside, ratio, figure["bound_by"])
    return "| " + " | ".join(cells) + " |"


def _limit(figure: dict[str, Any]) -> str:
    sign = "≥" if figure["better"] == "higher" else "≤"
    parts = [] if figure["limit"] is None else [f"{sign} {figure['limit']:,g} {figure['unit']}"]
    parts += [] if figure["ratio_limit"] is None else [f"ratio ≥ {figure['ratio_limit']:g}"]
    return ", ".join(parts) or "–"


def _details(figure: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in figure["details"].items())


if __name__ == "__main__":
    raise SystemExit(main())
