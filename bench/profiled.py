"""Run a module as `python -m` does, and write where its time went: profiled.py OUT MODULE [arguments].

The profiler slows Python and not the database: read the shares, not the seconds.
"""

from __future__ import annotations

import cProfile
import io
import pstats
import re
import runpy
import sys
from pathlib import Path

FUNCTIONS = 45


def main() -> None:
    """Run the module under the profiler; its exit status stays its own."""
    out, module, sys.argv = Path(sys.argv[1]), sys.argv[2], sys.argv[2:]
    profile = cProfile.Profile()
    try:
        profile.runcall(runpy.run_module, module, run_name="__main__", alter_sys=True)
    finally:
        text = io.StringIO()
        pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(FUNCTIONS)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(_readable(text.getvalue()), encoding="utf-8")


def _readable(text: str) -> str:
    """Cut folders of this machine and empty lines."""
    lines = [re.sub(r"(/\S*/)((?:[^/\s]+/){0,2}[^/\s]+:\d+)", r"\2", line.rstrip()) for line in text.splitlines()]
    return "\n".join(line for line in lines if line) + "\n"


if __name__ == "__main__":
    main()
