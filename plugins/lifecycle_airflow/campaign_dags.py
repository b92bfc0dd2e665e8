"""Campaign DAGs from campaign files: one `campaign__<name>` per YAML file; the same file always gives the same DAG.

Apart from importing, parsing only reads the YAML: no database, no network, no clock. A task's process parses too, and
it reads only its own campaign's file.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import traceback
from functools import lru_cache
from pathlib import Path

from airflow.sdk import DAG, Param, chain, get_current_context, get_parsing_context, task

from lifecycle_airflow.assets import MESSAGES
from lifecycle_airflow.dag_defaults import dag_defaults, periods
from lifecycle_airflow.freshness import LONGEST_WAIT, LoadGate
from lifecycle_airflow.installation import Counts, installation
from lifecycle_airflow.offers import tell_codes
from lifecycle_airflow.pauses import PREFIX, dag_id_of
from lifecycle_airflow.run_window import now, run_window
from lifecycle_mail.campaigns import Campaign, Step, Topic, read_campaign, read_topics
from lifecycle_mail.errors import CampaignError
from lifecycle_mail.settings import Settings

logger = logging.getLogger(__name__)

TASK_TIMEOUT = dt.timedelta(hours=1)
RUN_TIMEOUT = LONGEST_WAIT + dt.timedelta(hours=6)  # the gate and the six tasks after it, at their limits
SECONDS_TO_ASK = 2
LONGEST_ERROR = 200  # characters kept of the text of an unforeseen error
AS_OF = Param(
    None,
    type=["null", "string"],
    format="date-time",
    description="Plan as of this past instant, such as 2026-11-21T09:00:00Z; empty = the end of the run's period.",
)


def campaign_files() -> list[Path]:
    """Return the campaign files of this deployment, sorted by name."""
    return sorted(_settings().campaigns_dir.glob("*.yaml"))


def campaign_names() -> list[str]:
    """Return the name of every campaign file, including broken ones."""
    return [path.stem for path in campaign_files()]


def campaign_dags(doc: str) -> dict[str, DAG]:
    """Return the DAG of every campaign file that can be read, by DAG id; `doc` is the part of the docs that all share.

    A file that gives no DAG, whatever the reason, is left out here and reported by `broken_campaigns`.

    Raises:
        CampaignError: the topics file is wrong, and every campaign needs it.
    """
    topics, dags = _topics(), {}
    for path in _wanted(campaign_files()):
        made = _made(path, topics, doc)
        if isinstance(made, DAG):
            dags[dag_id_of(path.stem)] = made
    return dags


def broken_campaigns() -> list[str]:
    """Return what is wrong with the campaign files that give no DAG: lines with file, line and remedy.

    Raises:
        CampaignError: the topics file is wrong.
    """
    topics = _topics()
    made = [_made(path, topics, "") for path in campaign_files()]
    return [one for one in made if isinstance(one, str)]


def lost_campaigns() -> list[str]:
    """Return a line for each campaign that the warehouse has and no file does.

    The one question to the warehouse while parsing: the dag-processor asks it for this page alone, by
    LIFECYCLE_DATABASE_URL, and goes on without an answer after two seconds.
    """
    database_url = os.environ.get("LIFECYCLE_DATABASE_URL")
    if not database_url or get_parsing_context().dag_id:
        return []
    from lifecycle_mail.campaign_names import files_of, lost_by_url  # heavy: only with a warehouse to ask

    return lost_by_url(database_url, files_of(_settings().campaigns_dir), SECONDS_TO_ASK)


def _made(path: Path, topics: dict[str, Topic], doc: str) -> DAG | str:
    """Return the DAG of a file, or what is wrong; an unforeseen error must not stop the other DAGs."""
    try:
        return campaign_dag(path, topics, doc)
    except CampaignError as error:
        return str(error)
    except Exception as error:
        return (
            f"{path.name}: {_line(error)}: an error that this product did not foresee: "
            "compare the file with a campaign that works, and report the error with the file"
        )


def _line(error: Exception) -> str:
    """Return kind, text and place of an error in one line."""
    innermost = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())[:LONGEST_ERROR]
    return f"{type(error).__name__} ({text}) in {Path(innermost.filename).name}, line {innermost.lineno}"


def campaign_dag(path: Path, topics: dict[str, Topic], doc: str = "") -> DAG:
    """Return the DAG of one campaign file.

    Raises:
        CampaignError: the file is wrong; the message has file, line and what to write instead.
    """
    campaign = read_campaign(path, topics)
    name = campaign.campaign

    @task
    def refresh_segment() -> Counts:
        window = run_window(get_current_context())
        with installation() as system:
            if late := system.late_run(name, window.as_of, now()):
                logger.warning("late: %s", late)
            return system.refresh_segment(name, window.as_of, now()).counts()

    @task
    def enroll() -> Counts:
        window = run_window(get_current_context())
        with installation() as system:
            return system.enroll(name, window.as_of, now()).counts()

    @task
    def advance() -> Counts:
        window = run_window(get_current_context())
        with installation() as system:
            return system.advance(name, window.as_of, now()).counts()

    @task
    def decide() -> Counts:
        window = run_window(get_current_context())
        with installation() as system:
            return system.decide(name, window.as_of, now()).counts()

    @task(outlets=[MESSAGES])
    def write_messages() -> Counts:
        window = run_window(get_current_context())
        with installation() as system:
            counts = system.write_messages(name, window.as_of, now()).counts()
            tell_codes(system, now())
            return counts

    @task
    def report_stop() -> None:
        with installation() as system:
            system.require_not_stopped(now(), name)

    with DAG(
        dag_id_of(name),
        schedule=periods(campaign.schedule),
        params={"as_of": AS_OF},
        doc_md=_doc(campaign, doc),
        auto_register=False,  # a DAG that is built only to find errors stays out of Airflow
        **dag_defaults(
            "campaign",
            f"topic:{campaign.topic}",
            f"owner:{campaign.owner}",
            owner=campaign.owner,
            task_timeout=TASK_TIMEOUT,
            run_timeout=RUN_TIMEOUT,
        ),
    ) as dag:
        gate = LoadGate(task_id="wait_for_load")
        chain(gate, refresh_segment(), enroll(), advance(), decide(), write_messages(), report_stop())
    return dag


def _wanted(files: list[Path]) -> list[Path]:
    """Return the one file that a task's process needs, or all files for the dag-processor."""
    dag_id = get_parsing_context().dag_id
    if not dag_id:
        return files
    return [path for path in files if path.stem == dag_id.removeprefix(PREFIX)]


def _doc(campaign: Campaign, doc: str) -> str:
    """Return the DAG's page: what this campaign is, its series as a table, then the part that all campaigns share."""
    rows = [f"| {_name_of(step)} | {when} | {_template(step)} |" for step, when in campaign.moments()]
    return "\n".join(
        [
            f"{campaign.description} For everyone who enters the segment `{campaign.segment.name}`; mails "
            f"belong to the topic `{campaign.topic}`; holdout {campaign.holdout:.0%}.",
            "",
            "| step | due | template |",
            "|---|---|---|",
            *rows,
            "",
            doc.strip(),
        ]
    )


def _template(step: Step) -> str:
    return f"`{step.template}`" if step.template else "no mail"


def _name_of(step: Step) -> str:
    return f"{step.step} ({' / '.join(step.variants)})" if step.variants else step.step


def _topics() -> dict[str, Topic]:
    return _read_topics_once(_settings().topics_file)


@lru_cache(maxsize=1)
def _read_topics_once(path: Path) -> dict[str, Topic]:
    return read_topics(path)


def _settings() -> Settings:
    return Settings.from_environment(os.environ, database=False)
