"""A PostgreSQL that keeps what was committed, has planned mails to clone, and can be restarted during a campaign.

The other tests' server trades durability for speed. After a crash it could forget claims, so it would prove nothing
here.
"""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url

from fault_stage import plan_mails
from lifecycle_mail.database import engine
from lifecycle_mail.migrations import migrate
from local_stack.postgres import embedded_server_package


class DurableServer:
    """An embedded PostgreSQL that can be restarted under its clients."""

    def __init__(self, folder: Path) -> None:
        self._server = embedded_server_package().get_server(folder / "postgres", cleanup_mode="delete")
        self._templates: set[str] = set()
        self._admin("alter system set max_wal_size = '4GB'")
        self._admin("select pg_reload_conf()")

    def clone(self, recipients: int, kind: str = "capped") -> str:
        """Return the address of a fresh database with so many planned mails of a topic of this kind."""
        planned = f"planned_{recipients}_{kind}"
        if planned not in self._templates:
            self._templates.add(planned)
            self._admin(f"create database {planned}")
            own = engine(self._url(planned))
            migrate(own)
            plan_mails(own, recipients, kind)
            own.dispose()
        name = f"faults_{uuid.uuid4().hex[:12]}"
        self._admin(f"create database {name} template {planned}")
        return self._url(name)

    def copy(self, own: Engine) -> str:
        """Return the address of a copy of a database that no process is connected to."""
        own.dispose()
        name = f"faults_{uuid.uuid4().hex[:12]}"
        self._admin(f"create database {name} template {own.url.database}")
        return self._url(name)

    def drop(self, url: str) -> None:
        self._admin(f"drop database if exists {make_url(url).database} with (force)")

    def restart(self, mode: str) -> None:
        """pg_ctl restart; mode 'immediate' crashes it, 'fast' cuts its sessions off in order."""
        folder = str(self._server.pgdata)
        program = str(self._server.bin_path / "pg_ctl")
        command = [program, "-D", folder, "-w", "-m", mode, "-l", f"{folder}/log", "restart"]
        subprocess.run(
            command, user=self._server.system_user, cwd="/", check=True, capture_output=True, timeout=60
        )

    def close(self) -> None:
        self._server.cleanup()

    def _url(self, database: str) -> str:
        return make_url(self._server.get_uri()).set(database=database).render_as_string(hide_password=False)

    def _admin(self, command: str) -> None:
        own = engine(self._server.get_uri())
        with own.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(command))
        own.dispose()
