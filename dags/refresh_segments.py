"""Compute every segment of rules: the files of include/segments and the approved requests.

**Schedule.** Hourly. A run works as of the end of its period, and first waits for the load of that period, like a
campaign. A campaign computes the segment that it uses by itself; this DAG keeps the members and the daily sizes of all
others too (`segment.membership`, `segment.size_daily`).

`learn_pairs` counts what is bought together and what sells best, for the mails that recommend products. It works in the
first run of a UTC day, and once per week also checks on the last 30 days if pairs hit better than bestsellers. Its log
has the figures; `segment.recommendation_check` keeps them.

**Params.** `as_of`: compute for another moment of the past, which corrects that moment alone.

**A re-run** computes the same moment again and changes nothing, unless facts changed.

**Red.** A segment of rules could not be computed. The others are up to date; the log names each and says why.

**To undo.** Computing takes nothing away. `segment retire NAME --by WHO --because TEXT` ends an approved segment, and a
file's segment ends with its file.
"""

import datetime as dt

from airflow.sdk import chain, dag, get_current_context, task

from lifecycle_airflow.campaign_dags import AS_OF
from lifecycle_airflow.dag_defaults import LOAD_SCHEDULE, dag_defaults, periods
from lifecycle_airflow.freshness import LONGEST_WAIT, LoadGate
from lifecycle_airflow.installation import Counts, installation
from lifecycle_airflow.run_window import now, run_window
from lifecycle_airflow.segment_requests import refreshed


@dag(
    schedule=periods(LOAD_SCHEDULE),
    params={"as_of": AS_OF},
    doc_md=__doc__,
    **dag_defaults("segments", task_timeout=dt.timedelta(hours=1), run_timeout=LONGEST_WAIT + dt.timedelta(hours=2)),
)
def refresh_segments() -> None:
    @task
    def refresh() -> Counts:
        as_of = run_window(get_current_context()).as_of
        with installation() as system:
            return refreshed(*system.refresh_rules(as_of, now()))

    @task
    def learn_pairs() -> Counts:
        as_of = run_window(get_current_context()).as_of
        with installation() as system:
            return system.refresh_recommendations(as_of, now(), only_if_due=True)

    chain(LoadGate(task_id="wait_for_load"), [refresh(), learn_pairs()])


refresh_segments()
