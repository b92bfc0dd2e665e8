"""`make down`: stop what a home has started, in order, and nothing else.

Services first, then the database they write to. Nothing of the product is imported here, so that a broken
product can be stopped, too.
"""

from __future__ import annotations

from local_stack.home import Home
from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import running_services


def stop(home: Home) -> list[str]:
    """Stop everything `home` has started; return the names of what was running.

    Raises:
        NotReady: PostgreSQL did not end in time.
    """
    services = running_services(home.folder)
    stopped = [service.name for service in services if service.stop()]
    if EmbeddedPostgres(home.folder / "postgres").stop():
        stopped.append("postgres")
    return stopped
