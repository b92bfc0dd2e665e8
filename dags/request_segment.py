"""Ask for a new segment in plain fields, see what it would do, and get it approved.

**Schedule.** None: a marketer triggers it. The form asks for a name, a sentence, an owner, and the rules. Each line of
`all`, `any` and `none` is one rule. docs/attributes.md lists the words, for example:

- `is: country, in: [TH, TW]`
- `did: ordered, product_type: coffee, at_least: 2, within_days: 365`
- `did: opened, within_days: 90`
- `in_segment: inactive`

A customer is in the segment if every rule of `all` holds, at least one of `any`, and not one of `none`.

**Tasks.** `ask` keeps the request and computes its preview. `decision` shows the preview: how many customers, who may
be mailed and why not the others, what it shares with other segments, ten masked customers, and what it would have done
in the last thirteen weeks. It waits for a person, under *Required actions*. Without an answer within seven days the
request is rejected. `replay` computes the last ninety days one by one into `segment.replay_daily` meanwhile.

**Approved**: `refresh_segments` computes it from its next run on, `segment.size_daily` has its sizes, and any campaign
may name it. **Rejected**: nothing runs; the reason is in `segment requests`. If `LIFECYCLE_SEGMENTS_NEED_ANOTHER` is
on, the approval of who asked fails this task, and the request still waits: `segment approve NAME --by WHO` decides it.

**A re-run** asks for nothing new if the rules are the same. **A new version** is a new run with the same name: the
preview says who would come in and who would leave.

**To undo.** `segment retire NAME --by WHO --because TEXT` names the campaigns that would break.
"""

import datetime as dt

from airflow.sdk import Param, dag, get_current_context, task

from lifecycle_airflow.dag_defaults import dag_defaults
from lifecycle_airflow.installation import Counts, installation
from lifecycle_airflow.run_window import now
from lifecycle_airflow.segment_requests import TIME_TO_ANSWER, decision
from lifecycle_airflow.segment_requests import ask as ask_for

RULES = {"type": ["null", "string"], "format": "multiline"}


@dag(
    schedule=None,
    params={
        "segment": Param(
            type="string", pattern=r"^[a-z][a-z0-9_]{0,62}$", title="Name",
            description="Lower-case, such as coffee_lovers.",
        ),
        "what": Param(type="string", minLength=1, title="Who, in a sentence", description="And what for."),
        "owner": Param(type="string", minLength=3, title="Owner", description="The team that answers for it."),
        "occurrence": Param(
            "entry", type="string", enum=["entry", "once", "month"], title="Counts as new",
            description="Each time somebody enters, only once, or every month.",
        ),
        "all": Param(None, **RULES, title="All of these hold", description="One rule per line."),
        "any": Param(None, **RULES, title="At least one of these holds", description="One rule per line."),
        "none": Param(None, **RULES, title="None of these holds", description="One rule per line."),
        "note": Param("", type=["null", "string"], title="Note", description="For who approves. No addresses."),
    },
    doc_md=__doc__,
    **{
        **dag_defaults(
            "segments", task_timeout=dt.timedelta(minutes=30), run_timeout=TIME_TO_ANSWER + dt.timedelta(days=1)
        ),
        "max_active_runs": 50,  # each may wait for days
    },
)  # fmt: skip
def request_segment() -> None:
    @task
    def ask() -> Counts:
        with installation() as system:
            return ask_for(system, get_current_context())

    @task
    def replay(asked: Counts) -> Counts:
        with installation() as system:
            name, version = get_current_context()["params"]["segment"], (asked or {})["version"]
            return {"entered": system.replay_request(name, version, now())}

    asked = ask()
    asked >> decision()
    replay(asked)


request_segment()
