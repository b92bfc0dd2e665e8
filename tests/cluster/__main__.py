"""Command line: `python -m cluster [--images local|registry] [--keep FILE]`, which is `make compose-test`.

The exit status is 0 if every promise was kept, 1 if one was not or a step failed, 130 if the run was interrupted. A run
leaves nothing behind, except logs/compose-test after a failure.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from cluster.engine import EngineError, engine, install_where_missing
from cluster.images import REPOSITORY, make_images, remove_images
from cluster.report import print_report, write_result
from cluster.scenario import Scenario
from cluster.stack import Stack
from cluster.totals import Totals, problems
from local_stack.steps import StepFailed, Steps, first_line

LOGS = REPOSITORY / "logs" / "compose-test"
ADVICE = "Nothing of it is left running."
WIDTH = 120


def main(arguments: list[str] | None = None) -> int:
    """Run once, judge, print; see the module's docstring for the exit status."""
    parser = argparse.ArgumentParser(prog="python -m cluster", description=__doc__)
    parser.add_argument("--images", choices=["local", "registry"], default="local")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write the figures there as JSON, if all is well")
    options = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    signal.signal(signal.SIGTERM, _interrupt)  # so that what was started is ended in order
    for name in ("NO_PROXY", "no_proxy"):  # a proxy of the network must not stand between us and our own ports
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))
    began = time.monotonic()
    try:
        totals = _run(console, options.images == "local")
    except KeyboardInterrupt:
        print("\ninterrupted; everything that was started has been removed", file=sys.stderr)
        return 130
    except (StepFailed, EngineError) as failure:
        print(f"make compose-test: {failure}", file=sys.stderr)
        return 1
    seconds = round(time.monotonic() - began)
    found = problems(totals)
    print_report(console, totals, seconds)
    for problem in found:
        print(f"make compose-test: {problem}", file=sys.stderr)
    if options.keep and not found:
        write_result(options.keep, totals, seconds)
    return 1 if found else 0


def _run(console: Console, make_them_here: bool) -> Totals:
    steps = Steps(console)
    with tempfile.TemporaryDirectory(prefix="lifecycle-compose-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with engine(folder, console) as running:
            try:
                images = {}
                if make_them_here:
                    with steps.step("Images: Debian, PostgreSQL and Redis, made here", folder, ADVICE):
                        install_where_missing("debootstrap", "debootstrap", console)
                        images = make_images(running, folder)
                return _on_a_stack(Stack(running, folder, images), steps)
            finally:
                remove_images(running)


def _on_a_stack(stack: Stack, steps: Steps) -> Totals:
    try:
        with steps.step("docker-compose build", LOGS, ADVICE):
            stack.build()
        with steps.step("docker-compose up, with two workers", LOGS, ADVICE):
            stack.up()
        totals = Scenario(stack, steps, LOGS).run()
        if problems(totals):
            _keep_logs(stack)
        return totals
    except BaseException:
        _keep_logs(stack)
        raise
    finally:
        stack.down()


def _keep_logs(stack: Stack) -> None:
    """Keep the logs; what goes wrong in that must not hide what went wrong before."""
    try:
        stack.keep_logs(LOGS)
        print(f"\nlogs are kept in {LOGS}", file=sys.stderr)
    except (EngineError, OSError) as error:
        print(f"\nthe logs could not be kept: {first_line(error)}", file=sys.stderr)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
