"""Make the monthly partitions of decisions and events before they are needed, and drop those past their retention.

**Schedule.** Daily. Makes this month's partitions and the next two. The stages also make a missing month
themselves, so a warehouse still works if Airflow was down. If `LIFECYCLE_EVENT_RETENTION_MONTHS` or
`LIFECYCLE_DECISION_RETENTION_MONTHS` is set, months older than that are dropped whole; by default everything is
kept. The present month and the one before it always stay. A month also stays if mails in doubt or the KPI
tables still need it; then the task fails and names it. Each lock is waited for half a second at most, so
that no mail waits longer. `summarize_addresses` makes the filters by which an erasure finds an address among the
day's raw events. `forget_places` forgets which recipient took a place in days and weeks long past.

**A re-run** finds every partition there, and nothing left to drop.

**To undo.** Drop an empty partition by hand; nothing depends on it. A month that was dropped is gone: KPIs,
first facts per mail and suppressions stay, raw rows come back only from a backup.
"""

import datetime as dt

from airflow.sdk import dag, task

from lifecycle_airflow.dag_defaults import dag_defaults, ticks
from lifecycle_airflow.installation import Counts, installation
from lifecycle_airflow.run_window import now


@dag(
    schedule=ticks("30 3 * * *"),
    doc_md=__doc__,
    **dag_defaults("upkeep", task_timeout=dt.timedelta(minutes=30), run_timeout=dt.timedelta(hours=3)),
)
def maintain_partitions() -> None:
    @task
    def ensure_partitions() -> Counts:
        with installation() as system:
            return {"partitions": len(system.ensure_months(now()))}

    @task
    def summarize_addresses() -> Counts:
        with installation() as system:
            return {"page_ranges": system.summarize_addresses()}

    @task
    def forget_places() -> Counts:
        with installation() as system:
            return {"places": system.forget_places(now())}

    @task
    def retire_partitions() -> Counts:
        with installation() as system:
            return {"dropped": len(system.retire_months(now()).dropped)}

    ensure_partitions() >> [summarize_addresses(), forget_places()] >> retire_partitions()


maintain_partitions()
