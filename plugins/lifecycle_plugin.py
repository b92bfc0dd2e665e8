"""The product's Airflow plugin.

Runs for the future fail at once, the pool of requests is made, and in mode simulate the navigation links the outbox.
"""

import os

from airflow.plugins_manager import AirflowPlugin

from lifecycle_airflow import pool, run_listener


def outbox_views() -> list[dict[str, str]]:
    """Return the navigation entry of the simulator's outbox; none in the other modes.

    Without a `url_route` Airflow opens it as a page of its own, because the outbox refuses to be framed.
    """
    base_url = os.environ.get("SENDGRID_BASE_URL", "").rstrip("/")
    if os.environ.get("LIFECYCLE_MODE") != "simulate" or not base_url:
        return []
    return [
        {
            "name": "Simulated outbox",
            "href": f"{base_url}/",
            "destination": "nav",
            "category": "browse",
        }
    ]


class LifecyclePlugin(AirflowPlugin):
    """Registers the views above, the listener that refuses runs for the future, and the one that makes the pool."""

    name = "lifecycle_mail"
    external_views = outbox_views()
    listeners = [run_listener, pool]  # noqa: RUF012
