"""Run the benchmarks one after the other, keep their figures, and judge them.

    python bench/run.py [--scale 1.0] [--only delivery events …] [--profile] [--accept WHY]

At full scale a run is kept below `bench/runs/`, which git ignores: `results.json`, `RESULTS.md` and, with `--profile`,
`profiles/`. `--accept WHY` makes the measured figures the accepted ones: it also writes `bench/results.json`,
`bench/RESULTS.md` and the numbers of `docs/scale.md`, which are committed.

The exit status is 1 if a figure misses its limit, or if a ratio to its peer is less than four fifths of its reference.
Machines differ and are noisy, but both sides of a ratio were measured in the same run. A reference is the accepted
ratio of a figure, or the first ratio that this machine measured if none was accepted. A run does not move it: otherwise
a second try would pass, and many small falls would stay unseen. Only `--accept` does, for what was run, and keeps why.
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
ACCEPTED, RUNS = HERE, HERE / "runs"
"""The folder of the committed results, and the folder of what this machine measured."""
RESULTS, TABLE = "results.json", "RESULTS.md"
BENCHMARKS = ("delivery", "planning", "segments", "rule_segments", "events", "roll_up")
REGRESSION = 0.8
RUNS_KEPT = 6


def main() -> int:
    """Run what is asked for; return the exit status."""
    options = _options()
    accepted, known = _read(ACCEPTED), _known()
    fresh: dict[str, Any] = {}
    for name in options.only:
        fresh[name] = _measure(name, options)
        if options.scale >= 1:  # after each one: if a later one is stopped, the hour of measuring is not lost
            _keep(_with(known, fresh, options.accept), RUNS)
            if options.accept:
                _accept(_with({**accepted, "runs": known.get("runs", {})}, fresh, options.accept))
    problems = _problems({} if options.scale < 1 or options.accept else known.get("references", {}), fresh)
    for line in problems or ["every figure keeps its limit, no ratio fell by more than a fifth"]:
        print(line)
    return 1 if problems else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", nargs="+", default=BENCHMARKS, choices=BENCHMARKS)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--accept", metavar="WHY", help="make the measured figures the accepted ones, and say why")
    return parser.parse_args()


def _read(folder: Path) -> dict[str, Any]:
    """Return the results of a folder; empty if it has none."""
    file = folder / RESULTS
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _known() -> dict[str, Any]:
    """Return what this machine measured so far. It begins with the accepted results, whose references always count."""
    accepted, own = _read(ACCEPTED), _read(RUNS)
    return {**accepted, **own, "references": own.get("references", {}) | accepted.get("references", {})}


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
    """Run one benchmark as a process of its own. It writes its progress to stderr."""
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


def _keep(document: dict[str, Any], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / RESULTS).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / TABLE).write_text(_table(document), encoding="utf-8")


def _accept(document: dict[str, Any]) -> None:
    _keep(document, ACCEPTED)
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
        "`bench/run.py` wrote this page. A ratio above 1 means: better than the peer, measured in the same run.",
        f"PostgreSQL has these settings, which are docker-compose.yml's except for the buffers: {settings}.",
        "`make bench BENCH=--profile` says where the time goes (`bench/runs/profiles/`).", "",
        "| measure | must reach | measured | compared with | peer | ratio | bound by |",
        "|---|---|---|---|---|---|---|", *map(_row, figures), "",
        "## Every run", "",
        f"The last {RUNS_KEPT} runs of each figure, the newest last: value (ratio). A missed limit is named.",
        "A run fails if a ratio is below four fifths of its reference.", "",
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
