"""Count again the days whose numbers have changed, and check that they add up.

**Schedule.** After every ingest of events. Which days are counted follows from what arrived since the last
roll-up, however late; no period is needed.

The first roll-up of a day also counts the lifecycle stages of the day before (`segment.stage_daily`).

The task `check` is red if the numbers do not add up. Its log then has one line per identity that does not hold. It
reads the days that the roll-up wrote. After the first roll-up of a day it reads everything, which
`python -m lifecycle_mail kpis check` always does.

**Params.** `full`: count all days again, for example after a correction by hand.

**A re-run** arrives at the same numbers; an incremental roll-up equals a full one.

**To undo.** Not needed: every number can be counted again from the stages before.
"""

import datetime as dt

from airflow.sdk import Param, dag, get_current_context, task

from lifecycle_airflow.assets import EVENTS
from lifecycle_airflow.dag_defaults import dag_defaults
from lifecycle_airflow.installation import Counts, installation
from lifecycle_airflow.run_window import now


@dag(
    schedule=[EVENTS],
    params={"full": Param(False, type="boolean", description="Count every day again.")},
    doc_md=__doc__,
    **dag_defaults("kpis", task_timeout=dt.timedelta(hours=2), run_timeout=dt.timedelta(hours=6)),
)
def roll_up_kpis() -> None:
    @task
    def roll_up() -> Counts:
        full = get_current_context()["params"]["full"]
        with installation() as system:
            return system.roll_up(now(), full=full).counts()

    @task(execution_timeout=dt.timedelta(minutes=30))
    def check() -> None:
        with installation() as system:
            system.check_kpis(after_roll_up=True)

    roll_up() >> check()


roll_up_kpis()
