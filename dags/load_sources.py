"""Load the shop's feed files into the warehouse.

**Schedule.** Hourly. The feeds are the files in `LIFECYCLE_FEEDS_DIR`: customers, products, orders and
others. Each of them may be absent. SQL feeds come from the repository (`include/sql/feeds/`) and are loaded
before the files of their feed; a `.sql` file in the folder is refused. Loading needs no period, because the rows
themselves say when things happened. Campaign DAGs wait for the load of their period as long as this DAG is not paused.
Pause it if facts are loaded in another way.

**A re-run** loads the same rows again under the same keys and changes nothing. Rows that break the contract
go to `source.rejected` with their reason and never stop the rest.

**To undo.** Correct the feed and load again: the later row of a key wins. Consent is a log, and no feed can
undo a withdrawal.
"""

import datetime as dt

from airflow.sdk import dag, task

from lifecycle_airflow.assets import SOURCES
from lifecycle_airflow.dag_defaults import LOAD_SCHEDULE, dag_defaults, periods
from lifecycle_airflow.installation import Counts, folder, installation


@dag(
    schedule=periods(LOAD_SCHEDULE),
    doc_md=__doc__,
    **dag_defaults("sources", task_timeout=dt.timedelta(hours=2), run_timeout=dt.timedelta(hours=6)),
)
def load_sources() -> None:
    @task(outlets=[SOURCES])
    def load() -> Counts:
        with installation() as system:
            return system.load(folder(system.settings.feeds_dir, "LIFECYCLE_FEEDS_DIR")).counts()

    load()


load_sources()
