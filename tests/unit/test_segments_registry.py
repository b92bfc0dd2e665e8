"""The registry of segments: headers read from the files, parameters checked, keys canonical."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lifecycle_mail.database import SQL_FOLDER
from lifecycle_mail.errors import SegmentError
from lifecycle_mail.segments import definition, list_segments, parameters, readable_segments, segment_key
from lifecycle_mail.segments.registry import read_definition

HEADER = """\
-- segment: sleepy
-- what: customers who sleep
--   for long
-- grain: customer_id, occurrence (the night)
-- parameter: hours: number, hours, default 7.5, 0.5 to 24, how long
-- look-back: one night
-- context: nothing
--
-- Only for the reader: of the SQL.
select 1
"""


def write(folder: Path, text: str, name: str = "sleepy") -> Path:
    path = folder / f"{name}.sql"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_segments_of_the_repository_are_there() -> None:
    """SQL segments and segments of rules are listed by name, with their parameters and defaults."""
    found = {one.name: {p.name: p.default for p in one.parameters} for one in list_segments()}
    assert found == {
        "anniversary": {"lateness_days": 2},
        "birthday": {"days_before": 0},
        "birthday_this_month": {},
        "blog_subscriber": {"max_age_days": 3},
        "bought_unused": {"days": 14, "max_age_days": 60},
        "browse_abandoned": {"idle_hours": 4, "within_hours": 48, "min_views": 2, "min_seconds": 60},
        "cart_abandoned": {"idle_minutes": 60, "max_age_days": 7},
        "coffee_lovers_at_risk": {},
        "contract_ending": {"days_before": 30},
        "delivered_for_review": {"soft_days": 7, "hard_days": 21, "lateness_days": 7},
        "feature_first_tried": {"max_age_days": 3},
        "first_order": {"max_age_days": 3},
        "friend_bought": {"days": 7},
        "heavy_happy": {},
        "highly_engaged": {},
        "inactive": {"days": 90},
        "just_ordered": {"min_hours": 3, "max_hours": 24},
        "lead": {"max_age_days": 3},
        "new_subscriber": {"max_age_days": 3},
        "offer_expiring": {"days": 3, "min_age_hours": 24},
        "offer_redeemed": {"days": 7},
        "pricing_interest": {},
        "registered_for_occasion": {},
        "replenishment_due": {"lead_days": 3, "lateness_days": 7},
        "satisfied_regulars": {},
        "sign_up_unconfirmed": {"max_age_days": 3},
        "stories_read": {},
        "topic_interest": {"views": 3, "days": 14},
        "upgrade_considered": {"idle_hours": 4, "within_hours": 48},
        "vip": {},
        "winter_shoppers": {},
    }


def test_a_header_says_everything() -> None:
    """Every segment says what it is, its grain, its look-back; every parameter its unit. Rules give no context."""
    for one in list_segments():
        assert one.what
        assert one.grain.startswith("customer_id, occurrence")
        assert one.look_back
        assert one.context or one.rules
        assert all(parameter.unit and parameter.meaning for parameter in one.parameters)


def test_what_may_move_is_read_from_the_context() -> None:
    """A segment whose thing may get another customer names keys that journey.thing_of reads, and has in its context."""
    read = (SQL_FOLDER / "journeys" / "schema" / "functions" / "thing_of.sql").read_text(encoding="utf-8")
    moving = {one.name: one.moves for one in list_segments() if one.moves}
    thing = ("order_id", "product_id")
    assert moving == {"cart_abandoned": ("cart_id",), "first_order": thing, "replenishment_due": thing}
    for name, keys in moving.items():
        assert all(f"'{key}'" in read and key in definition(name).context for key in keys)


def test_every_statement_of_the_folder_says_what_it_is() -> None:
    """Also the statements that are no segments begin with a comment."""
    for path in (SQL_FOLDER / "segments").glob("*.sql"):
        assert path.read_text(encoding="utf-8").startswith("-- "), path.name


def test_a_header_is_read(tmp_path: Path) -> None:
    """Continuation lines are joined, and the header ends at the empty comment line."""
    found = read_definition(write(tmp_path, HEADER))
    assert (found.what, found.context) == ("customers who sleep for long", "nothing")
    (hours,) = found.parameters
    assert (hours.type, hours.unit, hours.default, hours.minimum, hours.maximum, hours.meaning) == (
        "number", "hours", 7.5, 0.5, 24, "how long",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("-- grain:", "-- grian:", "sleepy.sql, line 4: unknown field 'grian': did you mean 'grain'?"),
        ("-- look-back: one night\n", "", "sleepy.sql: the header has no `-- look-back: …`"),
        ("-- context: nothing", "-- what: again", "sleepy.sql, line 7: what is given twice"),
        ("segment: sleepy", "segment: sleppy", "sleepy.sql, line 1: the segment is called 'sleppy': write 'sleepy'"),
        ("default 7.5", "standard 7.5", "sleepy.sql, line 5: this parameter cannot be read: write `-- parameter: days"),
        ("hours: number", "hours: interval", "sleepy.sql, line 5: this parameter cannot be read"),
        ("default 7.5", "default 7..5", "sleepy.sql, line 5: this parameter cannot be read"),
        ("default 7.5", "default 25", "sleepy.sql, line 5: the default 25 is out of range: write 0.5 to 24 (hours)"),
    ],
)
def test_a_wrong_header_is_refused_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A header that cannot be read is refused with file, line and what to write."""
    assert old in HEADER
    with pytest.raises(SegmentError, match=re.escape(message)):
        read_definition(write(tmp_path, HEADER.replace(old, new)))


def test_an_unknown_segment_names_the_nearest() -> None:
    """A typo in a segment's name is answered with the nearest name and all of them."""
    with pytest.raises(SegmentError) as refused:
        definition("cart_abandonned")
    assert str(refused.value) == (
        "no segment is called 'cart_abandonned': did you mean 'cart_abandoned'? "
        f"there are {', '.join(one.name for one in list_segments())}"
    )


@pytest.mark.parametrize("name", ["members_at", "depart", "../sources/start_load", ""])
def test_a_statement_that_is_no_segment_is_refused(name: str) -> None:
    """Other statements, of this folder or another, cannot be asked for as segments."""
    with pytest.raises(SegmentError, match="no segment is called"):
        definition(name)


def test_parameters_are_filled_with_defaults() -> None:
    """Parameters not given have their default; texts are read as numbers."""
    assert parameters("cart_abandoned", {}) == {"idle_minutes": 60, "max_age_days": 7}
    assert parameters("cart_abandoned", {"idle_minutes": "30"}) == {"idle_minutes": 30, "max_age_days": 7}
    assert parameters("inactive", {"days": 30.0}) == {"days": 30}
    assert parameters("birthday_this_month", {}) == {}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("inactive", {"dais": 3}, "segment inactive has no parameter 'dais': did you mean 'days'? it takes days"),
        ("cart_abandoned", {"idle": 3}, "did you mean 'idle_minutes'? it takes idle_minutes, max_age_days"),
        ("birthday_this_month", {"days": 3}, "segment birthday_this_month has no parameter 'days': it takes none"),
        ("inactive", {"days": 0}, "parameter days: 0 is out of range: write 1 to 3650 (days of 24 hours)"),
        ("inactive", {"days": 3651}, "3651 is out of range"),
        ("inactive", {"days": "-1"}, "'-1' is out of range"),
        ("inactive", {"days": "ninety"}, "'ninety' is not a whole number: write 1 to 3650"),
        ("inactive", {"days": 1.5}, "1.5 is not a whole number"),
        ("inactive", {"days": True}, "True is not a whole number"),
        ("inactive", {"days": None}, "None is not a whole number"),
        ("inactive", {"days": ""}, "'' is not a whole number"),
        ("inactive", {"days": float("nan")}, "nan is not a whole number"),
        ("inactive", {"days": "inf"}, "'inf' is not a whole number"),
        ("inactive", {"days": "1e400"}, "'1e400' is not a whole number"),
        ("inactive", {"days": [90]}, "[90] is not a whole number"),
        ("inactive", {"as_of": 3}, "segment inactive has no parameter 'as_of'"),
    ],
)
def test_wrong_parameters_are_refused(name: str, given: dict[str, object], message: str) -> None:
    """An unknown parameter, another type or a value out of range: what was wrong, and what to write."""
    with pytest.raises(SegmentError, match=re.escape(message)):
        parameters(name, given)


def test_a_number_parameter_takes_fractions(tmp_path: Path) -> None:
    """A parameter of type number takes fractions; a whole value is written as one."""
    found = read_definition(write(tmp_path, HEADER))
    assert found.values({"hours": "0.5"}) == {"hours": 0.5}
    assert found.key({"hours": "8.0"}) == "sleepy(hours=8)"


@pytest.mark.parametrize(
    ("name", "given", "key"),
    [
        ("inactive", {}, "inactive"),
        ("inactive", {"days": 90}, "inactive"),
        ("inactive", {"days": "30"}, "inactive(days=30)"),
        ("replenishment_due", {"lead_days": 0, "lateness_days": 9}, "replenishment_due(lateness_days=9, lead_days=0)"),
        ("replenishment_due", {"lead_days": "0"}, "replenishment_due(lead_days=0)"),
        ("cart_abandoned", {"idle_minutes": 60, "max_age_days": 3}, "cart_abandoned(max_age_days=3)"),
    ],
)  # fmt: skip
def test_one_membership_has_one_key(name: str, given: dict[str, object], key: str) -> None:
    """The key has the parameters that differ from their defaults, sorted, however they were given."""
    assert segment_key(name, given) == key


@pytest.mark.parametrize("name", [one.name for one in list_segments() if one.rules is None])
def test_statements_bind_what_headers_declare(name: str) -> None:
    """A segment's statement binds as_of and the declared parameters, and nothing else; none reads a clock."""
    text = (SQL_FOLDER / "segments" / f"{name}.sql").read_text(encoding="utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    bound = set(re.findall(r"(?<![:\w]):([a-z_]+)", code))
    assert bound == {"as_of", *(parameter.name for parameter in definition(name).parameters)}
    assert not re.search(r"\b(now|current_timestamp|clock_timestamp|current_date)\b", code)


def test_a_file_that_cannot_be_read_costs_its_own_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are no text, a wrong header, a folder called .sql: the other segments are still found."""
    folder = tmp_path / "segments"
    folder.mkdir()
    write(folder, HEADER.replace("select 1", "select :as_of, :hours"))
    write(folder, HEADER.replace("-- grain", "-- grian").replace("sleepy", "typo", 1), "typo")
    (folder / "latin.sql").write_bytes(b"-- segment: latin\n-- what: caf\xe9\n")
    (folder / "binary.sql").write_bytes(b"\xff\xfe\x00")
    (folder / "folder.sql").mkdir()
    monkeypatch.setattr("lifecycle_mail.segments.registry.SEGMENTS_FOLDER", folder)
    monkeypatch.setattr("lifecycle_mail.segments.registry.RULES_FOLDER", folder)
    monkeypatch.setattr("lifecycle_mail.database.SQL_FOLDER", tmp_path)
    found, errors = readable_segments()
    assert [one.name for one in found] == ["sleepy"]
    assert [str(error) for error in errors] == [
        "latin.sql: the file is not UTF-8 text: save it as UTF-8",
        "typo.sql, line 4: unknown field 'grian': did you mean 'grain'? ",
    ]
