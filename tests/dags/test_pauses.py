"""Pauses of campaign DAGs: read from Airflow's task interface, and copied into the flags that every claim reads."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from lifecycle_airflow import delivery
from lifecycle_airflow.delivery import PauseWatch
from lifecycle_airflow.pauses import paused_campaigns
from lifecycle_mail.delivery import DeliveryReport


def _error(status_code: int) -> AirflowRuntimeError:
    answer = ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": status_code})
    return AirflowRuntimeError(answer)


def _airflow(**paused: bool) -> Any:
    def get_dag(dag_id: str) -> Any:
        name = dag_id.removeprefix("campaign__")
        if name not in paused:
            raise _error(404)
        return SimpleNamespace(is_paused=paused[name])

    return get_dag


def test_only_what_airflow_knows_is_reported() -> None:
    """A campaign without a DAG is neither paused nor running, because Airflow does not know it."""
    paused, known = paused_campaigns(["a", "b", "new"], _airflow(a=True, b=False))
    assert (paused, known) == ({"a"}, {"a", "b"})


def test_an_airflow_that_cannot_answer_is_an_error() -> None:
    """If there is no answer, the pause is unknown: the task fails, and delivery does not start on a guess."""

    def get_dag(dag_id: str) -> Any:
        raise _error(500)

    with pytest.raises(AirflowRuntimeError):
        paused_campaigns(["a"], get_dag)


class _System:
    """What PauseWatch needs of an installation: it writes down what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[set[str], set[str]]] = []

    def sync_dag_pauses(self, paused: set[str], known: set[str], at: dt.datetime) -> None:
        self.told.append((paused, known))


def test_a_running_delivery_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause set while mails go out is copied by the next request after two seconds, and not at each one."""
    monkeypatch.setattr(delivery, "campaign_names", lambda: ["a"])
    seconds = iter([0.0, 0.5, 1.9, 2.1, 2.1, 3.0])
    monkeypatch.setattr(delivery.time, "monotonic", lambda: next(seconds))
    system = _System()
    watch = PauseWatch({"ti": SimpleNamespace(get_dag=_airflow(a=True))}, system)  # type: ignore[arg-type]
    for _ in range(4):
        watch(None)
    assert system.told == [({"a"}, {"a"})]


def test_the_log_says_what_became_of_mails_in_doubt(caplog: pytest.LogCaptureFixture) -> None:
    """A warning for each topic and reason, and the numbers go to XCom."""
    report = DeliveryReport(
        abandoned=Counter({("account", "too_few_to_judge"): 3}), waiting=Counter({("account", "events_missing"): 2})
    )
    system = SimpleNamespace(deliver=lambda *given, **options: report)
    counts = delivery.deliver_shard({"ti": SimpleNamespace()}, system, 0)  # type: ignore[arg-type]
    assert [message.partition(", ")[0] for message in caplog.messages] == [
        "topic 'account': 3 mail(s) in doubt abandoned",
        "topic 'account': 2 mail(s) in doubt wait",
    ]
    assert (counts["abandoned:account:too_few_to_judge"], counts["waiting:account:events_missing"]) == (3, 2)
