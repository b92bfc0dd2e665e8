"""Ask for a new segment in plain fields, see what it would do, and get it approved.

**Schedule.** None: a marketer triggers it. The form asks for a name, a sentence, an owner, and the rules. A customer is
in the segment if every rule of *all* holds, at least one of *any*, and not one of *none*. Each line is one rule, for
example:

- `is: country, in: [TH, TW]`
- `did: ordered, product_type: coffee, at_least: 2, within_days: 365`
- `did: opened, within_days: 90`
- `in_segment: inactive`

`is` asks what a customer is, and takes `equals`, `in`, `not_in`, `at_least`, `at_most`, `between` or `known`:
`age`, `average_order`, `average_rating`, `birthday_in_days`, `birthday_month`, `city`, `contract_ends_in_days`,
`country`, `currency`, `engagement`, `favourite_product_type`, `first_order_days_ago`, `hemisphere`, `language`,
`last_activity_days_ago`, `last_click_days_ago`, `last_open_days_ago`, `last_order_days_ago`, `last_promo_code`,
`last_visit_days_ago`, `lifecycle_stage`, `locale`, `open_cart`, `open_complaint`, `orders`, `permission`,
`price_sensitive`, `price_sensitivity`, `promo_code_used`, `referrals`, `region`, `returns`, `reviews`, `rfm_group`,
`signed_up_days_ago`, `signup_source`, `tier`, `timezone`, `total_spent`.

`did` asks what a customer did: `at_least`, `at_most`, `exactly` (times), `within_days`, `between_days`, and filters:
`attended`, `carted`, `clicked`, `downloaded`, `opened`, `ordered`, `redeemed`, `referred`, `registered`, `reviewed`,
`subscribed`, `used`, `viewed`.

**Params.** `segment`: the name. `what`: a sentence. `all`, `any`, `none`: the rules. `owner`: the team that answers for
it. `occurrence`: when a customer counts as new. `note`: for who approves. docs/segments.md shows the whole way, and
docs/attributes.md says what each word means.

**Tasks.** `ask` keeps the request and computes its preview. `decision` shows the preview: how many customers, who may
be mailed and why not the others, what it shares with other segments, ten masked customers, and what it would have done
in the last thirteen weeks. It waits for a person, under *Required actions*. Without an answer within seven days the
request is rejected. `replay` computes the last ninety days one by one into `segment.replay_daily` meanwhile.

**Approved**: `refresh_segments` computes it from its next run on, `segment.size_daily` has its sizes, and any campaign
may name it. **Rejected**: nothing runs; the reason is in `segment requests`. If `LIFECYCLE_SEGMENTS_NEED_ANOTHER` is
on, the approval of who asked fails this task, and the request still waits: `segment approve NAME --by WHO` decides it.
**Red** at `ask`: a rule is wrong. The note of the run says which, where, and what to write. Trigger it again.

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
LINES = "One rule per line, such as"


@dag(
    schedule=None,
    params={
        "segment": Param(
            type="string", pattern=r"^[a-z][a-z0-9_]{0,62}$", title="Name",
            description="Small letters, digits and _, such as coffee_lovers. The name of a segment that runs asks for "
            "its next version.",
        ),
        "what": Param(
            type="string", minLength=1, maxLength=500, title="Who, in a sentence",
            description="Who is in it, and what for.",
        ),
        "owner": Param(
            type="string", minLength=3, maxLength=254, title="Owner", description="The team that answers for it."
        ),
        "all": Param(
            None, **RULES, title="All of these hold",
            description=f"{LINES} “is: country, in: [TH, TW]” or “did: opened, within_days: 90”. Fill in at least "
            "one of the three fields of rules. The documentation of the DAG lists the words.",
        ),
        "any": Param(
            None, **RULES, title="At least one of these holds",
            description=f"{LINES} “did: ordered, product_type: coffee, at_least: 2, within_days: 365”.",
        ),
        "none": Param(
            None, **RULES, title="None of these holds",
            description=f"{LINES} “did: ordered, within_days: 60” or “in_segment: inactive”.",
        ),
        "occurrence": Param(
            "entry", type="string", enum=["entry", "once", "month"], title="Counts as new",
            description="entry = each time a customer comes in again. once = one time for good. month = every month.",
        ),
        "note": Param(
            None, type=["null", "string"], maxLength=1000, title="Note",
            description="For the person who approves. No addresses.",
        ),
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
