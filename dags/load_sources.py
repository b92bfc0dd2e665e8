"""Load the shop's feed files into the warehouse.

**Schedule.** Hourly. The feeds are the files in `LIFECYCLE_FEEDS_DIR`: customers, products, orders and
others. Each of them may be absent. SQL feeds come from the repository (`include/sql/feeds/`) and are loaded
before the files of their feed; a `.sql` file in the folder is refused. Loading needs no period, because the rows
themselves say when things happened. Campaign DAGs wait for the load of their period as long as this DAG is not paused.
Pause it if facts are loaded in another way.

**A re-run** loads the same rows again under the same keys and changes nothing. Rows that break the contract
go to `source.rejected` with their reason and never stop the rest.

**Red.** `load` takes what is good, and logs a table by feed and reason. `check` fails if a file was refused, or if
more than `LIFECYCLE_REFUSED_PERCENT` (5) of its rows were. It also fails if the newest fact of all feeds is older than
`LIFECYCLE_SILENT_HOURS` (3; `off` for a shop that sleeps at night), or if the loads of `LIFECYCLE_MISSING_PERIODS` (2)
hours brought nothing new. A single feed is red if it brings nothing new for longer than ever in two weeks. The log of
`load` names each. Campaigns go on with what was loaded.

**To undo.** Correct the feed and load again: the later row of a key wins. Consent is a log, and no feed can
undo a withdrawal.
"""

import datetime as dt

from airflow.sdk import dag, task

from lifecycle_airflow.assets import SOURCES
from lifecycle_airflow.dag_defaults import LOAD_SCHEDULE, dag_defaults, periods
from lifecycle_airflow.installation import Counts, folder, installation
from lifecycle_airflow.intake import logged, require_no_alarm
from lifecycle_airflow.run_window import now


@dag(
    schedule=periods(LOAD_SCHEDULE),
    doc_md=__doc__,
    **dag_defaults("sources", task_timeout=dt.timedelta(hours=2), run_timeout=dt.timedelta(hours=6)),
)
def load_sources() -> None:
    @task(outlets=[SOURCES])
    def load() -> Counts:
        with installation() as system:
            report = system.load(folder(system.settings.feeds_dir, "LIFECYCLE_FEEDS_DIR"))
            return logged("feeds", report.rows(), report.counts(), system.load_alarms(report, now()))

    @task
    def check(counts: Counts) -> None:
        require_no_alarm(counts)

    check(load())


load_sources()
