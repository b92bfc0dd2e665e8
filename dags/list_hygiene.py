"""End the mail of people who stayed silent to the end of a win-back, and keep what the list looks like.

**Schedule.** Weekly, on Monday. A campaign asks for it by `on_end: {completed: {sunset: {days: N}}}`. N days after the
last mail of the series was delivered, a customer without any sign of life since the series began gets no more mail:
no order, page view, answer, nor an open or click that may be a person's, of anyone at the mailbox. The word is
`sunset`, of ours alone: it is never pushed to SendGrid, and any yes of the person lifts it. It never touches held-out
people, or people whose last mail did not arrive.

**What it did** is in `event.hygiene_run`, one row per run and measure: people of whom it was time, people who get no
mail from now on, mailboxes that rest after soft bounces, mailboxes of several customers, and mailboxes without mail.

**A re-run** finds no one left.

**Red.** `check` fails if it was time for a sunset, but fewer than 99 % of the mails of the last 30 days have events, or
fewer than 20 mails tell: silence is not believed while the provider's events do not arrive. No customer was touched.

**To undo.** `suppressions lift ADDRESS --because …` for one person.
"""

import datetime as dt

from airflow.sdk import dag, task

from lifecycle_airflow.assets import EVENTS
from lifecycle_airflow.dag_defaults import dag_defaults, ticks
from lifecycle_airflow.installation import Counts, installation
from lifecycle_airflow.intake import logged, require_no_alarm
from lifecycle_airflow.run_window import now


@dag(
    schedule=ticks("15 4 * * 1"),
    doc_md=__doc__,
    **dag_defaults("events", task_timeout=dt.timedelta(hours=1), run_timeout=dt.timedelta(hours=3)),
)
def list_hygiene() -> None:
    @task(outlets=[EVENTS])
    def tidy() -> Counts:
        with installation() as system:
            report = system.tidy_list(now())
            return logged("list hygiene", report.rows(), report.counts(), [report.rested] if report.rested else [])

    @task
    def check(done: Counts) -> None:
        require_no_alarm(done)

    check(tidy())


list_hygiene()
