"""Load what SendGrid reported: deliveries, bounces, opens, clicks, complaints.

**Schedule.** Hourly, and when the asset `lifecycle_event_files` says that files have arrived (a job that
drops exports may post it: `POST /api/v2/assets/events`). The collector writes into `LIFECYCLE_EVENTS_DIR`.
The warehouse remembers how far each file was read, so no period is needed.

**A re-run** reads nothing twice: events are identified by their `sg_event_id`, in whatever order and however often
they come.

**Red.** `ingest` takes what is good, and logs a table by reason. `check` fails if more than `LIFECYCLE_REFUSED_PERCENT`
(5) of a file was refused, if a file could not be read, if the newest event of our mails is older than
`LIFECYCLE_SILENT_HOURS` (3) while mails were accepted since, or if the mails of `LIFECYCLE_MISSING_PERIODS` (2) hours
of the last day have no event. The log of `ingest` names each.

**To undo.** Not needed: an event only ever adds what happened. An operator lifts a suppression, with a reason:
`suppressions lift ADDRESS --because …`.
"""

import datetime as dt

from airflow.sdk import AssetOrTimeSchedule, dag, task

from lifecycle_airflow.assets import EVENT_FILES, EVENTS
from lifecycle_airflow.dag_defaults import dag_defaults, ticks
from lifecycle_airflow.installation import Counts, folder, installation
from lifecycle_airflow.intake import logged, require_no_alarm
from lifecycle_airflow.run_window import now


@dag(
    schedule=AssetOrTimeSchedule(timetable=ticks("15 * * * *"), assets=[EVENT_FILES]),
    doc_md=__doc__,
    **dag_defaults("events", task_timeout=dt.timedelta(hours=2), run_timeout=dt.timedelta(hours=6)),
)
def ingest_events() -> None:
    @task(outlets=[EVENTS])
    def ingest() -> Counts:
        with installation() as system:
            exports = folder(system.settings.events_dir, "LIFECYCLE_EVENTS_DIR")
            report = system.ingest(exports, now=now())
            return logged("events", report.rows(), report.counts(), system.event_alarms(report, now()))

    @task
    def check(counts: Counts) -> None:
        require_no_alarm(counts)

    check(ingest())


ingest_events()
