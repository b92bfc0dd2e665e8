"""Run one command and start it again whenever it dies: ``python -m local_stack.restarter 20 command …``.

Airflow's LocalExecutor can take its scheduler down with it (an answer of the execution API that cannot be
unpickled); a restarted scheduler adopts the runs and goes on. The restarter itself ends when it is asked to
(SIGTERM), when the command ends in order (status 0), or after the given number of restarts.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from types import FrameType

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 15.0
_CALM_SECONDS = 60.0


class Restarter:
    """One command and its present process."""

    def __init__(self, command: list[str], restarts: int) -> None:
        self._command = command
        self._restarts_left = restarts
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def run(self) -> int:
        """Keep the command running; return the exit status of its last process."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        delay = FIRST_DELAY_SECONDS
        while True:
            began = time.monotonic()
            status = self._run_once()
            if self._stopping or status == 0 or self._restarts_left <= 0:
                return status
            self._restarts_left -= 1
            delay = FIRST_DELAY_SECONDS if time.monotonic() - began > _CALM_SECONDS else delay
            print(f"restarter: ended with status {status}; again in {delay:.0f} s", flush=True)
            self._rest(delay)
            delay = min(delay * 2, LONGEST_DELAY_SECONDS)

    def _run_once(self) -> int:
        if self._stopping:
            return 0
        self._child = subprocess.Popen(self._command)
        if self._stopping:  # asked while the process was being made
            self._child.terminate()
        return self._child.wait()

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stopping:
            time.sleep(0.1)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()


if __name__ == "__main__":
    sys.exit(Restarter(sys.argv[2:], restarts=int(sys.argv[1])).run())
