"""Make the monthly partitions of decisions and events before they are needed.

**Schedule.** Daily. Makes this month's partitions and the next two; the stages also make a missing month
themselves, so that a warehouse whose Airflow slept still works.

**A re-run** finds every partition there and does nothing.

**To undo.** Drop an empty partition by hand; nothing depends on it.
"""

import datetime as dt

from airflow.sdk import dag, task

from lifecycle_airflow.dag_defaults import dag_defaults, ticks
from lifecycle_airflow.installation import Counts, installation
from lifecycle_airflow.run_window import now


@dag(
    schedule=ticks("30 3 * * *"),
    doc_md=__doc__,
    **dag_defaults("upkeep", task_timeout=dt.timedelta(minutes=10)),
)
def maintain_partitions() -> None:
    @task
    def ensure_partitions() -> Counts:
        from lifecycle_mail.partitions import ensure_months

        with installation() as system:
            return {"partitions": len(ensure_months(system.engine, now(), months_ahead=2))}

    ensure_partitions()


maintain_partitions()
