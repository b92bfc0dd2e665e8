"""What a pick returns is taken by place, and so compared by name first."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from builders import NOON
from lifecycle_mail.delivery import picking
from lifecycle_mail.delivery.picking import Batch, PickedMail, pick
from lifecycle_mail.delivery.work import ShellWork
from planning import campaign_of, topic_of


class Result(list[tuple[Any, ...]]):
    """Rows with the names of their columns, as the database gives them."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        super().__init__([tuple(columns)])
        self.columns = columns

    def keys(self) -> tuple[str, ...]:
        return self.columns


def picked(columns: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> list[PickedMail]:
    """What a pick makes of one row, whose values are the names of their columns."""
    monkeypatch.setattr(picking, "run", lambda *given: None)
    monkeypatch.setattr(picking, "run_with", lambda *given, **more: Result(columns))
    monkeypatch.setattr(picking, "_with_parts", lambda connection, work, now, rows: rows)
    work = ShellWork(1, 1, campaign_of(), None, "reminder", topic_of(), 1, 50)
    return pick(SimpleNamespace(), Batch(work, NOON))  # type: ignore[arg-type]


def test_a_row_is_taken_by_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each column's value stands under its own name."""
    [mail] = picked(PickedMail._fields, monkeypatch)
    assert mail._asdict() == {name: name for name in PickedMail._fields}


def test_columns_in_another_order_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """If two texts changed places, a recipient would be mailed under another name, without an error."""
    first, second, *others = PickedMail._fields
    with pytest.raises(AssertionError, match=r"delivery/pick\.sql"):
        picked((second, first, *others), monkeypatch)
