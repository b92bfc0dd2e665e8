"""A load says what became of every row: by feed and reason, and when that is an alarm."""

from __future__ import annotations

from lifecycle_mail.intake import Intake, Limits
from lifecycle_mail.sources import FeedCounts, LoadReport


def test_the_table_has_feeds_then_reasons() -> None:
    """Of each feed, what was loaded, the refused rows by reason, and the values that were left out by column."""
    customers = FeedCounts(
        10, 7, 7, 3, 2, {"malformed_address": 2, "duplicate_key": 1}, {("invalid_zone", "timezone"): 2}
    ) + FeedCounts(5, 4, 4, 1, 0, {"malformed_address": 1})  # fmt: skip
    refused = FeedCounts(rejected=1, reasons={"the file carts.csv, wrong_columns": 1})
    assert LoadReport(1, {"customers": customers, "carts": refused}).rows() == [
        ("carts: loaded", 0),
        ("carts: refused: the file carts.csv, wrong_columns", 1),
        ("customers: loaded", 11),
        ("customers: refused: duplicate_key", 1),
        ("customers: refused: malformed_address", 3),
        ("customers: left out of their rows: timezone (invalid_zone)", 2),
    ]


def test_too_many_refused_rows_and_refused_files_are_alarms() -> None:
    """The share is a file's own. Rows that a later row replaces, and those of erased people, are not counted in it."""
    report = LoadReport(
        1, {}, {"carts.csv": "wrong_columns"},
        intakes=(
            Intake("a.csv", 100, {"malformed_address": 6, "duplicate_key": 90}),
            Intake("b.csv", 100, {"malformed_address": 5}),
            Intake("c.csv", 10, {"duplicate_key": 5, "erased": 5}),
            Intake("d.csv", 2, {"negative_total": 1, "missing_value": 1}),
        ),
        explained={"carts.csv": "required column missing: status"},
    )  # fmt: skip
    whole = "carts.csv was refused: wrong_columns (required column missing: status)"
    assert report.alarms(Limits()) == [
        whole,
        "a.csv: 6 of 100 rows were refused (malformed_address 6), more than 5 percent",
        "d.csv: 2 of 2 rows were refused (missing_value 1, negative_total 1), more than 5 percent",
    ]
    assert report.alarms(Limits(refused_percent=100)) == [whole]
    assert report.unreadable() == [whole, "d.csv: no row could be read (missing_value, negative_total)"]
    assert LoadReport(1, {}).unreadable() == []


def test_a_folder_of_strangers_is_an_alarm() -> None:
    """If no file has the name of a feed, nothing is loaded, and that is no success. Next to a feed they are let be.
    """
    alarm = ["nothing was loaded: no file has the name of a feed, such as customers.csv (custmers.csv)"]
    lost = LoadReport(1, {}, ignored=("custmers.csv",))
    assert (lost.unreadable(), lost.alarms(Limits())) == (alarm, alarm)
    assert LoadReport(1, {"customers": FeedCounts(1, 1)}, ignored=("custmers.csv",)).unreadable() == []
