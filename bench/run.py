"""Run the benchmarks one after the other, keep their figures, and judge them.

    python bench/run.py [--scale 1.0] [--only delivery events …] [--profile] [--accept WHY]

At full scale results.json, RESULTS.md and the numbers of docs/scale.md are written, with what earlier runs measured.
The exit status is 1 where a figure misses its limit, or where a ratio to its peer is less than four fifths of its
reference: machines differ and are noisy, but both sides of a ratio were measured in the same run. A reference is the
first ratio that was measured of a figure. A run does not move it, or a second try would pass, and many small falls
would never be seen; `--accept` does, for what was run, and keeps the reason.
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

import scale
from measuring import TUNING

HERE = Path(__file__).resolve().parent
RESULTS, TABLE = HERE / "results.json", HERE / "RESULTS.md"
BENCHMARKS = ("delivery", "planning", "segments", "events", "roll_up")
REGRESSION = 0.8
RUNS_KEPT = 6


def main() -> int:
    """Run what is asked for; return the exit status."""
    options = _options()
    known = _kept()
    fresh: dict[str, Any] = {}
    for name in options.only:
        fresh[name] = _measure(name, options)
        if options.scale >= 1:
            _keep(_with(known, fresh, options.accept))  # an hour's measuring is not lost where a later one is stopped
    problems = _problems({} if options.scale < 1 or options.accept else known.get("references", {}), fresh)
    for line in problems or ["every figure keeps its limit, no ratio fell by more than a fifth"]:
        print(line)
    return 1 if problems else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", nargs="+", default=BENCHMARKS, choices=BENCHMARKS)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--accept", metavar="WHY", help="make the measured ratios the references, and say why")
    return parser.parse_args()


def _kept() -> dict[str, Any]:
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def _with(known: dict[str, Any], fresh: dict[str, Any], accept: str | None) -> dict[str, Any]:
    """Return what is to be kept: the fresh figures, all runs' values, and the references."""
    references, runs = dict(known.get("references", {})), dict(known.get("runs", {}))
    for result in fresh.values():
        for figure in result["figures"]:
            name, at = figure["name"], result["measured_at"]
            said = {"at": at, **{key: figure[key] for key in ("value", "peer_value", "ratio", "reached")}}
            runs[name] = [*runs.get(name, []), said][-RUNS_KEPT:]
            if figure["ratio"] and (accept or name not in references):
                references[name] = {"ratio": figure["ratio"], "at": at, "why": accept or "first measured"}
    return {
        "machine": _machine(), "command": "make bench", "postgresql": TUNING,
        "benchmarks": known.get("benchmarks", {}) | fresh, "references": references, "runs": runs,
    }  # fmt: skip


def _measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run one benchmark as a process of its own; its words go to stderr as they come."""
    command = [sys.executable, str(HERE / f"{name}.py"), "--scale", str(options.scale)]
    command += ["--profile"] if options.profile else []
    print(f"[{time.strftime('%H:%M:%S')}] {name}", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(done.stdout.strip().splitlines()[-1])
    return {"measured_at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()), "figures": result["figures"]}


def _problems(references: dict[str, Any], fresh: dict[str, Any]) -> list[str]:
    """Return a sentence for each limit missed and each ratio that fell too far below its reference."""
    before = {name: reference["ratio"] for name, reference in references.items()}
    found = []
    for result in fresh.values():
        for figure in result["figures"]:
            if not figure["reached"]:
                found.append(f"{figure['name']}: {figure['value']} {figure['unit']} misses its limit {_limit(figure)}")
            was, now = before.get(figure["name"]), figure["ratio"]
            if was and now and now < REGRESSION * was:
                found.append(f"{figure['name']}: the ratio to its peer fell from {was:.2f} to {now:.2f}")
    return found


def _keep(document: dict[str, Any]) -> None:
    RESULTS.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    TABLE.write_text(_table(document), encoding="utf-8")
    scale.write(document)


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GB, Linux {platform.machine()}, Python {platform.python_version()}"


def _table(document: dict[str, Any]) -> str:
    figures = [figure for result in document["benchmarks"].values() for figure in result["figures"]]
    times = [f"{name} {result['measured_at']}" for name, result in document["benchmarks"].items()]
    settings = ", ".join(f"{name} {value}" for name, value in document["postgresql"].items())
    return "\n".join([
        "# Benchmark results", "",
        f"`{document['command']}` on {document['machine']}, with database, simulator and workers on it; measured"
        f" {', '.join(times)} (UTC, the end of each).",
        "Written by `bench/run.py`. A ratio above 1 is better than the peer, which was measured in the same run.",
        f"PostgreSQL's settings beside its defaults, docker-compose.yml's but for the buffers: {settings}.",
        "`bench/profiles/` says where the time goes.", "",
        "| measure | must reach | measured | beside | peer | ratio | bound by |",
        "|---|---|---|---|---|---|---|", *map(_row, figures), "",
        "## Every run", "",
        f"The last {RUNS_KEPT} of each figure, the newest last, with those that missed their limit: value (ratio).",
        "A ratio below four fifths of its reference fails.", "",
        "| figure | reference | runs |", "|---|---|---|", *[_runs(document, figure) for figure in figures], "",
        "## Details", "",
        *[f"* {figure['name']}: {_details(figure)}" for figure in figures if figure["details"]], "",
    ])  # fmt: skip


def _runs(document: dict[str, Any], figure: dict[str, Any]) -> str:
    reference = document["references"].get(figure["name"])
    told = f"{reference['ratio']:.2f} ({reference['at']}: {reference['why']})" if reference else "–"
    runs = [_one_run(run) for run in document["runs"][figure["name"]]]
    return f"| {figure['name']} | {told} | {', '.join(runs)} |"


def _one_run(run: dict[str, Any]) -> str:
    ratio = "" if run["ratio"] is None else f" ({run['ratio']:.2f})"
    return f"{run['value']:,g}{ratio}" + ("" if run["reached"] else " missed")


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
