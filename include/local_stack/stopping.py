"""`make down`: stop what a home has started, in order, and nothing else.

Airflow stops first, so that no task works any more; then the services it uses; then the database. Nothing of the
product is imported here, so that a broken product can be stopped too.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from local_stack.home import Home
from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import Service, running_services


def stop(home: Home) -> list[str]:
    """Stop everything `home` has started; return the names of what was running.

    Raises:
        NotReady: PostgreSQL did not end in time.
    """
    services = running_services(home.folder)
    airflow = [service for service in services if service.name.startswith("airflow-")]
    stopped = _stop_together(airflow)
    stopped += _stop_together([service for service in services if service not in airflow])
    if EmbeddedPostgres(home.folder / "postgres").stop():
        stopped.append("postgres")
    return stopped


def _stop_together(services: list[Service]) -> list[str]:
    if not services:
        return []
    with ThreadPoolExecutor(max_workers=len(services)) as threads:
        ended = list(threads.map(Service.stop, services))
    return [service.name for service, was_running in zip(services, ended, strict=True) if was_running]
