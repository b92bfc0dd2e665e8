"""Send the messages that are due, through SendGrid.

**Schedule.** Every ten minutes, and as soon as a campaign has written messages. Delivery works from the
ledger, not from a period: it claims what may be sent now.

**Pausing a campaign's DAG stops its mail.** `copy_pauses` writes the pauses of campaign DAGs into the
warehouse before a shard starts, and each shard looks again every two seconds between its requests. A pause
set by `campaign pause` stays until `campaign resume`.

**Shards** are two workers on the same ledger; only one of them claims a given row. The pool `sendgrid` limits how
many requests run at a time over all runs. In mode `preview` (the default) nothing is sent.

**Red `report_stops`**: sending stopped by itself in this run. The task's log says what stopped and why. It was either a
campaign's breaker, with the rate that exceeded its limit and its numbers (from then on the campaign's own DAG stays
red), or the provider's refusal of our access, for which this task stays red until `sending resume`. The task is also
red in every run while planned mails or changed files wait for `campaign approve` (in mode live, recipients see only
what was approved), and while mails wait because their template or topic is out of order. Such mails would end as
`unapproved` or `stale`. A pause that an operator set is not a failure; the log of `deliver` names it.

**Red `report_overdue`**: a campaign whose DAG is not paused has not planned for two periods of its schedule. The log
names it, and since when. Look at its DAG: a run that waits or hangs holds up all later ones. For a new campaign the
time counts from when this DAG first saw it, for a paused one from when it was unpaused.

**A re-run** sends nothing twice: a message that was claimed is accepted, rejected, or in doubt until an event
or its topic's policy settles it.

**To undo.** A mail that was accepted is gone. To stop all sending: `python -m lifecycle_mail sending pause`.
"""

import datetime as dt

from airflow.sdk import AssetOrTimeSchedule, dag, get_current_context, task

from lifecycle_airflow.assets import MESSAGES
from lifecycle_airflow.dag_defaults import dag_defaults, ticks
from lifecycle_airflow.delivery import copy_pauses_of, deliver_shard, require_planned
from lifecycle_airflow.installation import Counts, installation
from lifecycle_airflow.run_window import now

SHARDS = [0, 1]


@dag(
    schedule=AssetOrTimeSchedule(timetable=ticks("*/10 * * * *"), assets=[MESSAGES]),
    doc_md=__doc__,
    **dag_defaults("delivery", task_timeout=dt.timedelta(hours=2), run_timeout=dt.timedelta(hours=6)),
)
def deliver_messages() -> None:
    @task
    def copy_pauses() -> Counts:
        with installation() as system:
            return copy_pauses_of(get_current_context(), system)

    @task(pool="sendgrid", map_index_template="shard {{ task.op_kwargs['shard'] }}")
    def deliver(shard: int) -> Counts:
        with installation() as system:
            return deliver_shard(get_current_context(), system, shard)

    @task
    def report_stops() -> None:
        with installation() as system:
            system.require_not_stopped(now(), since=get_current_context()["dag_run"].start_date)

    @task
    def report_overdue() -> None:
        with installation() as system:
            require_planned(get_current_context(), system)

    copy_pauses() >> deliver.expand(shard=SHARDS) >> report_stops()
    report_overdue()


deliver_messages()
