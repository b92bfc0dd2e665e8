"""Command line: `python -m demo_world write DIR` writes the demo's shop as feed files.

It writes one line per file to stderr while it works, and the sum to stdout.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

from demo_world import FileWritten, shift_for, write_world


def main(arguments: list[str] | None = None) -> int:
    """Run the command; exit status 0 done, 1 the folder cannot be written, 2 usage."""
    options = _parser().parse_args(arguments)
    shift_days = shift_for(options.today) if options.shift_days == "auto" else int(options.shift_days)
    started = time.monotonic()
    try:
        written = write_world(
            options.folder, today=options.today, shift_days=shift_days, seed=options.seed,
            households=options.households, progress=_report,
        )  # fmt: skip
    except OSError as error:
        print(f"cannot write {options.folder}: {error.strerror}; choose another folder", file=sys.stderr)
        return 1
    rows, seconds = sum(file.rows for file in written), time.monotonic() - started
    print(f"{options.folder}: {len(written)} files, {rows:,} rows, moved by {shift_days} days, {seconds:.1f} s")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo_world", description=__doc__)
    commands = parser.add_subparsers(required=True)
    write = commands.add_parser("write", help="write every feed file of the demo's shop")
    write.add_argument("folder", type=Path, metavar="DIR", help="folder for the files, made if it is missing")
    today = datetime.now(UTC).date()
    write.add_argument("--today", type=date.fromisoformat, default=today, help="UTC date; default: the clock's")
    shift_help = "whole days the history is moved; auto: the last purchase becomes yesterday's"
    write.add_argument("--shift-days", type=_shift, default="auto", help=shift_help)
    write.add_argument("--seed", type=int, default=7, help="seed of everything made up")
    write.add_argument("--households", type=_count, help="only so many of the 2,469 households")
    return parser


def _shift(text: str) -> str:
    if text != "auto":
        int(text)
    return text


def _count(text: str) -> int:
    if (count := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least one household is needed")
    return count


def _report(written: FileWritten) -> None:
    print(f"{written.file:<32} {written.rows:>9,} rows {written.seconds:>6.1f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
