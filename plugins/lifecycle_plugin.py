"""The product's Airflow plugin: where mails are simulated, a link to the outbox in Airflow's navigation."""

import os

from airflow.plugins_manager import AirflowPlugin


def outbox_views() -> list[dict[str, str]]:
    """Return the navigation entry of the simulator's outbox; none in the other modes.

    Without a `url_route` Airflow opens it as a page of its own: the outbox refuses to be framed.
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
    """Registers the views above."""

    name = "lifecycle_mail"
    external_views = outbox_views()
