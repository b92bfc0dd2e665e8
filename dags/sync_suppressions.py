"""Keep suppressions in step with SendGrid's lists, both ways.

**Schedule.** Daily. `pull` reads bounces, invalid addresses, spam reports, global and group unsubscribes, and
suppresses their addresses here. The webhook reports the same within seconds and repeats it for a day; the lists
still have it after that. `push` sends SendGrid the opt-outs that came to us alone: of a topic to its unsubscribe
group, of everything to the global list, so that other systems on the same account stop too. Sunset is never
pushed. In mode `preview` (the default) nothing is read and nothing is pushed. An unsubscribe group that is no topic's
and not listed under `foreign_groups` is named in the log: who left it gets no mail.

**A re-run** finds the same: each list is read from a day before the place that the last run reached, rows are
identified by address, and a ledger says what SendGrid already has.

**Red.** `pull` and `push` log a table by reason. `check` fails if SendGrid refused more than
`LIFECYCLE_REFUSED_PERCENT` (5) of the opt-outs, or if a list was not read for `LIFECYCLE_MISSING_PERIODS` (2) days.

**To undo.** A pull never lifts a suppression. `suppressions lift ADDRESS --because …` does, and takes the address off
SendGrid's lists.
"""

import datetime as dt

from airflow.sdk import dag, task

from lifecycle_airflow.assets import EVENTS
from lifecycle_airflow.dag_defaults import dag_defaults, ticks
from lifecycle_airflow.installation import Counts, installation
from lifecycle_airflow.intake import logged, require_no_alarm
from lifecycle_airflow.run_window import now


@dag(
    schedule=ticks("45 2 * * *"),
    doc_md=__doc__,
    **dag_defaults("events", task_timeout=dt.timedelta(hours=2), run_timeout=dt.timedelta(hours=6)),
)
def sync_suppressions() -> None:
    @task(pool="sendgrid", outlets=[EVENTS])
    def pull() -> Counts:
        with installation() as system:
            report = system.pull_suppressions(now())
            return logged("suppressions read", report.rows(), report.counts(), system.sync_alarms(report, now()))

    @task(pool="sendgrid")
    def push() -> Counts:
        with installation() as system:
            report = system.push_suppressions(now(), now)
            return logged("suppressions sent", report.rows(), report.counts(), system.sync_alarms(report, now()))

    @task
    def check(read: Counts, sent: Counts) -> None:
        require_no_alarm(read)
        require_no_alarm(sent)

    read, sent = pull(), push()
    read >> sent
    check(read, sent)


sync_suppressions()
