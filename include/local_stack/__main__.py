"""Command line of the local stack, for the Makefile: `python -m local_stack demo|down|status`.

DEMO_DIR names the folder (default .demo in the working directory).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from fasteners import InterProcessLock
from rich.console import Console

from local_stack.home import Home
from local_stack.processes import running_services
from local_stack.steps import StepFailed, first_line

_REPORT_WIDTH = 120


def main(arguments: list[str] | None = None) -> int:
    """Run one command; exit status 0 done, 1 refused or failed with one line, 2 usage, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m local_stack", description=__doc__)
    parser.add_argument("command", choices=["demo", "down", "status"])
    command = parser.parse_args(arguments).command
    folder = Path(os.environ.get("DEMO_DIR") or ".demo")
    if command != "demo" and not folder.exists():
        print(f"nothing runs: there is no {folder}")
        return 0
    try:
        return {"demo": _demo, "down": _down, "status": _status}[command](Home(folder))
    except KeyboardInterrupt:
        print("\ninterrupted; what was started goes on running: `make down` stops it", file=sys.stderr)
        return 130
    except StepFailed as failure:
        print(f"make demo {failure}", file=sys.stderr)
        return 1
    except Exception as error:  # the last resort: one line on the terminal, and the traceback in a file
        print(f"make {command} failed: {first_line(error)}", file=sys.stderr)
        if os.environ.get("DEMO_TRACEBACK"):
            raise
        return 1


def _demo(home: Home) -> int:
    from local_stack.demo import Demo  # `down` must work where the product does not

    lock = InterProcessLock(home.folder / "demo.lock")
    if not lock.acquire(blocking=False):
        raise StepFailed(f"is running already in {home.folder}: wait for it")
    try:
        console = Console(width=None if sys.stdout.isatty() else _REPORT_WIDTH)
        Demo(home, console).run()
    finally:
        lock.release()
    return 0


def _down(home: Home) -> int:
    from local_stack.stopping import stop

    stopped = stop(home)
    print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    return 0


def _status(home: Home) -> int:
    names = [service.name for service in running_services(home.folder)]
    print("\n".join(names) if names else "nothing runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
