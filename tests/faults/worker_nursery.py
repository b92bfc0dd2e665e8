"""Forks delivery workers from a parent that has everything imported: a kill then costs no second of start-up.

Run as a process with the workers' environment; argv: the phases file. Each line on stdin is the JSON of one Orders
and starts a worker; each line on stdout is {"started": name, "pid": …} or {"ended": name, "status": …}, a status below
zero being the signal that killed it. The end of stdin kills what still runs.
"""

from __future__ import annotations

import gc
import json
import mmap
import os
import select
import signal
import sys
import traceback
from pathlib import Path

from dying_worker import CRASHED, Orders, work

POLL_SECONDS = 0.01


def main() -> None:
    with Path(sys.argv[1]).open("r+b") as file:
        phases = mmap.mmap(file.fileno(), 0)
    gc.collect()
    gc.freeze()
    workers: dict[int, str] = {}
    pending = b""
    while True:
        if select.select([0], [], [], POLL_SECONDS)[0]:
            if not (data := os.read(0, 65536)):
                break
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                orders = Orders(**json.loads(line))
                workers[pid := _fork(orders, phases)] = orders.name
                _tell({"started": orders.name, "pid": pid})
        while workers and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            _tell({"ended": workers.pop(ended[0]), "status": os.waitstatus_to_exitcode(ended[1])})
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _fork(orders: Orders, phases: mmap.mmap) -> int:
    """Return the child's pid; the child never returns."""
    if pid := os.fork():
        return pid
    status = CRASHED
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        status = work(orders, phases)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _tell(event: dict[str, object]) -> None:
    os.write(1, json.dumps(event).encode() + b"\n")


if __name__ == "__main__":
    main()
