"""What comes in is counted by reason, and too much of the wrong kind is an alarm."""

from __future__ import annotations

import pytest

from lifecycle_mail.errors import IntakeAlarm, SettingsError
from lifecycle_mail.events import IngestReport, SyncReport
from lifecycle_mail.intake import Intake, Limits, by_reason, require_none, rows_of, table
from lifecycle_mail.settings import Settings


def test_more_than_the_share_is_an_alarm() -> None:
    """Five of a hundred rows are let go, six are not; a limit of 0 lets none go, and no rows are no alarm."""
    limits = Limits()
    assert Intake("a.csv", 100, {"broken": 5}).alarm(limits) == ""
    assert Intake("a.csv", 100, {"late": 2, "broken": 4}).alarm(limits) == (
        "a.csv: 6 of 100 rows were refused (broken 4, late 2), more than 5 percent"
    )
    assert Intake("a.csv", 1000, {"broken": 1}).alarm(Limits(refused_percent=0)) != ""
    assert Intake("a.csv", 0).alarm(Limits(refused_percent=0)) == ""


def test_the_table_has_counts_then_reasons_then_files() -> None:
    """Reasons are summed over files and sorted; each skipped file has its own line."""
    refused = by_reason([Intake("a", 9, {"broken": 1, "late": 2}), Intake("b", 9, {"broken": 10})])
    rows = rows_of({"kept": 100}, refused, {"x.txt": "other_ending"})
    assert rows == [
        ("kept", 100), ("refused: broken", 11), ("refused: late", 2), ("skipped: x.txt (other_ending)", 1),
    ]  # fmt: skip
    assert table(rows) == (
        "100  kept\n 11  refused: broken\n  2  refused: late\n  1  skipped: x.txt (other_ending)"
    )


def test_alarms_end_in_one_line() -> None:
    """No alarm, no error; several alarms are one error that names each."""
    require_none([])
    with pytest.raises(IntakeAlarm, match=r"^first; second$"):
        require_none(["first", "second"])


def test_a_line_that_is_still_written_is_not_refused() -> None:
    """A cut line of a file that gave events waits for its end; a file that only has a cut line gave nothing."""
    growing = IngestReport(3, 2, 0, 1, intakes=(Intake("a", 3, {"cut_line": 1}),))
    assert growing.alarms(Limits()) == []
    cut = IngestReport(1, 0, 0, 1, intakes=(Intake("a", 1, {"cut_line": 1}),), barren=("a",))
    assert cut.alarms(Limits()) == ["a: 1 of 1 rows were refused (cut_line 1), more than 5 percent"]
    assert (growing.is_unreadable, cut.is_unreadable) == (False, True)


def test_a_sync_says_what_it_left_out_and_what_was_refused() -> None:
    """Rows of lists without an address, and opt-outs that SendGrid refused, are named by reason and judged by share."""
    pulled = SyncReport(listed=30, suppressed=20, left_out={"no address": 2, "our own push": 0})
    report = pulled.plus(SyncReport(pushed=9, refused=1, left_out={"no address": 1}))
    assert report.rows() == [
        ("listed", 30), ("blocks", 0), ("suppressed", 20), ("unsettled", 0), ("pushed", 9), ("refused", 1),
        ("foreign", 0), ("left out: no address", 3),
    ]  # fmt: skip
    assert report.alarms(Limits()) == [
        "SendGrid's lists: 3 of 30 rows were refused (no address 3), more than 5 percent",
        "opt-outs for SendGrid: 1 of 10 rows were refused (refused 1), more than 5 percent",
    ]
    assert report.alarms(Limits(refused_percent=10)) == []


def test_the_limits_are_settings() -> None:
    """Percent, hours and periods come from the environment; anything else is refused by the name of the variable."""
    environment = {
        "LIFECYCLE_DATABASE_URL": "x", "LIFECYCLE_REFUSED_PERCENT": "0.5", "LIFECYCLE_SILENT_HOURS": "12",
        "LIFECYCLE_MISSING_PERIODS": "0",
    }  # fmt: skip
    assert Settings.from_environment(environment).intake_limits == Limits(0.5, 12, 0)
    assert Settings.from_environment({"LIFECYCLE_DATABASE_URL": "x"}).intake_limits == Limits(5, 3, 2)
    names = ("LIFECYCLE_REFUSED_PERCENT", "LIFECYCLE_SILENT_HOURS", "LIFECYCLE_MISSING_PERIODS")
    switched_off = {"LIFECYCLE_DATABASE_URL": "x", **dict.fromkeys(names, "Off")}
    assert Settings.from_environment(switched_off).intake_limits == Limits(100, 0, 0)
    for name, value in (
        ("REFUSED_PERCENT", "many"), ("REFUSED_PERCENT", "101"), ("REFUSED_PERCENT", "nan"), ("SILENT_HOURS", "-1"),
    ):  # fmt: skip
        with pytest.raises(SettingsError, match=f"LIFECYCLE_{name} is '{value}'"):
            Settings.from_environment({"LIFECYCLE_DATABASE_URL": "x", f"LIFECYCLE_{name}": value})
