"""Erase one customer: everything personal leaves the warehouse, and the person is not mailed again.

Another customer who shares the mailbox, or has it now, is another person and stays.

**Schedule.** None: an operator starts it for one person who asked for it.

**Params.** `customer_id`: the shop's key of the customer, never an address.

**What stays.** A keyed hash of each address, so that a later feed cannot bring the person back, and counts
that name no person.

**A re-run** finds nothing more to erase.

**To undo.** Not possible, on purpose.
"""

import datetime as dt

from airflow.sdk import Param, dag, get_current_context, task

from lifecycle_airflow.dag_defaults import dag_defaults
from lifecycle_airflow.installation import Counts, installation
from lifecycle_airflow.run_window import now


@dag(
    schedule=None,
    params={
        "customer_id": Param(
            type="string",
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,99}$",
            description="The shop's key of the customer, not an address.",
        )
    },
    doc_md=__doc__,
    **dag_defaults("privacy", task_timeout=dt.timedelta(hours=1), run_timeout=dt.timedelta(hours=3)),
)
def erase_customer() -> None:
    @task
    def erase() -> Counts:
        customer_id = get_current_context()["params"]["customer_id"]
        with installation() as system:
            return {"erased": int(system.erase(customer_id, now()))}

    erase()


erase_customer()
