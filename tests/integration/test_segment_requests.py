"""A segment is asked for, decided, computed, exported and retired, through the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import customer, order
from commands import Command
from lifecycle_mail import segments
from lifecycle_mail.errors import SegmentError
from lifecycle_mail.pipeline import open_installation
from lifecycle_mail.segments import registry
from lifecycle_mail.settings import Settings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST = "{all: [{is: country, in: [TH]}]}"
SECOND = "{all: [{is: country, in: [TH, \"NO\"]}]}"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for rules files, and the repository's folder of segments inside it."""
    monkeypatch.setattr(registry, "RULES_FOLDER", tmp_path / "segments")
    return tmp_path


@pytest.fixture
def shop(warehouse: Engine) -> Engine:
    """Two customers from Thailand, one from Norway."""
    with warehouse.begin() as connection:
        for name, country in (("ann", "TH"), ("ben", "TH"), ("cem", "NO")):
            customer(connection, name, country=country)
            order(connection, f"o-{name}", name, NOW - DAY)
    return warehouse


def _asked(files: Path, rules: str, name: str = "asia") -> str:
    path = files / "asked.yaml"
    path.write_text(
        f"segment: {name}\nwhat: People of Asia.\nowner: marketing@example.com\nrules: {rules}\n", encoding="utf-8"
    )
    return str(path)


def _states(command: Command, name: str = "asia") -> list[tuple[str, ...]]:
    status, out, _ = command("segment", "requests", name)
    assert status == 0
    cells = [[cell.strip() for cell in line.split("│")] for line in out.splitlines() if "│" in line]
    return [(cell[1], cell[2]) for cell in cells if cell[0] == name]


def _sizes(engine: Engine) -> list[tuple[str, int]]:
    with engine.connect() as connection:
        found = connection.execute(sa.text("select segment, members from segment.size_daily order by day, segment"))
        return [tuple(row) for row in found]


def test_from_a_wish_to_every_later_run(shop: Engine, files: Path, command: Command) -> None:
    """What waits is not computed. Once approved it is, any campaign may use it, and a later version asks again."""
    command = command.at(NOW)
    status, out, _ = command("segment", "request", _asked(files, FIRST), "--by", "marketing", "--note", "for May")
    assert (status, out) == (0, "Country is TH.\nsegment asia, version 1: waiting\n")
    assert command("segment", "refresh")[0] == 0
    assert _sizes(shop) == []
    assert command("segment", "size", "asia")[0] == 1

    assert command("segment", "approve", "asia", "--by", "crm")[0] == 0
    assert command("segment", "refresh")[0] == 0
    assert _sizes(shop) == [("asia", 2)]
    assert "asia" in command("segment", "list")[1]

    command.at(NOW + DAY)
    assert command("segment", "request", _asked(files, SECOND), "--by", "marketing")[0] == 0
    assert command("segment", "refresh")[0] == 0
    assert _sizes(shop) == [("asia", 2), ("asia", 2)]
    assert command("segment", "approve", "asia", "--by", "crm", "--version", "2")[0] == 0
    assert command("segment", "refresh")[0] == 0
    assert _sizes(shop) == [("asia", 2), ("asia", 3)]
    assert _states(command) == [("2", "approved"), ("1", "superseded")]


def test_the_same_wish_again_asks_for_nothing_new(shop: Engine, files: Path, command: Command) -> None:
    """A request handed in twice waits once, whatever its layout; another one replaces it."""
    asked = _asked(files, FIRST)
    for _ in range(2):
        assert command("segment", "request", asked, "--by", "marketing")[0] == 0
    assert command("segment", "request", _asked(files, "\n  all:\n  - {is: country, in: ['TH']}"), "--by", "x")[0] == 0
    assert _states(command) == [("1", "waiting")]
    assert command("segment", "request", _asked(files, SECOND), "--by", "marketing")[0] == 0
    assert _states(command) == [("2", "waiting"), ("1", "replaced")]
    assert command("segment", "request", _asked(files, FIRST), "--by", "marketing")[0] == 0
    assert _states(command) == [("3", "waiting"), ("2", "replaced"), ("1", "replaced")]


def test_what_is_rejected_does_not_run(shop: Engine, files: Path, command: Command) -> None:
    """A rejection has its reason; what was approved before goes on; nothing can be decided twice."""
    command("segment", "request", _asked(files, FIRST), "--by", "marketing")
    command("segment", "approve", "asia", "--by", "crm")
    command("segment", "request", _asked(files, SECOND), "--by", "marketing")
    status, _, error = command("segment", "approve", "asia", "--by", "crm", "--version", "1")
    assert (status, "version 2 waits, not 1" in error) == (1, True)
    assert command("segment", "reject", "asia", "--by", "crm", "--because", "too wide")[0] == 0
    assert command("segment", "approve", "asia", "--by", "crm")[0] == 1
    assert segments.size(shop, "asia", NOW) == 2
    assert "too wide" in command("segment", "requests")[1]


def test_who_asked_may_not_decide_where_a_setting_says_so(shop: Engine, files: Path, command: Command) -> None:
    """With LIFECYCLE_SEGMENTS_NEED_ANOTHER the requester's approval is refused, and another person's is taken."""
    command = command.with_settings(LIFECYCLE_SEGMENTS_NEED_ANOTHER="yes")
    command("segment", "request", _asked(files, FIRST), "--by", "marketing")
    status, _, error = command("segment", "approve", "asia", "--by", "marketing")
    assert status == 1
    assert error == "segment asia: marketing asked for it, and may not approve it alone: ask another person\n"
    assert command("segment", "approve", "asia", "--by", "crm")[0] == 0


def test_retiring_names_what_would_break(shop: Engine, files: Path, command: Command) -> None:
    """A segment that campaigns or segments use is not retired, unless anyway. Its members leave, and it is unknown."""
    command = command.at(NOW)
    campaigns = files / "campaigns"
    campaigns.mkdir()
    _campaign(campaigns, "asia")
    command.with_settings(LIFECYCLE_CAMPAIGNS_DIR=str(campaigns))
    for rules, name in ((FIRST, "asia"), ("{none: [{in_segment: asia}]}", "not_asia")):
        command("segment", "request", _asked(files, rules, name), "--by", "marketing")
        assert command("segment", "approve", name, "--by", "crm")[0] == 0
    command("segment", "refresh")
    status, _, error = command("segment", "retire", "asia", "--by", "crm", "--because", "done")
    assert status == 1
    assert "campaign spring, segment not_asia" in error
    assert command("segment", "retire", "not_asia", "--by", "crm", "--because", "done")[0] == 0
    status, out, _ = command("segment", "retire", "asia", "--by", "crm", "--because", "done", "--anyway")
    assert (status, out) == (0, "segment asia is retired; 2 members left it\n")
    with pytest.raises(SegmentError, match="no segment is called 'asia'"):
        segments.size(shop, "asia", NOW)
    with shop.connect() as connection:
        left = connection.execute(sa.text("select distinct segment, left_at from segment.membership order by 1")).all()
    assert [tuple(row) for row in left] == [("asia", NOW), ("not_asia", NOW)]


def test_an_export_reads_as_the_same_rules(shop: Engine, files: Path, command: Command) -> None:
    """Whatever the rules hold, the file written for the repository says the same, and then takes precedence."""
    rules = (
        '{all: [{is: country, in: [TH, "NO", "on", "0012", "1e3", "null", "~", ": #", "สวัสดี", "\'"]},'
        " {did: ordered, product_type: coffee, total: {at_least: 0.1, at_most: 1e6}, between_days: [0.5, 30]}],"
        " any: [{in_segment: inactive, with: {days: 30}}, {none: [{did: ordered, exactly: 0}]}]}"
    )
    command("segment", "request", _asked(files, rules), "--by", "marketing")
    command("segment", "approve", "asia", "--by", "crm")
    status, out, _ = command("segment", "export", "asia")
    path = files / "segments" / "asia.yaml"
    assert (status, out) == (0, f"{path}\n")
    assert segments.read_rules(path) == segments.read_rules(files / "asked.yaml")
    assert command("segment", "export", "asia")[0] == 0
    status, _, error = command("segment", "request", _asked(files, FIRST), "--by", "marketing")
    assert (status, "is a file of the repository" in error) == (1, True)


@pytest.mark.parametrize(
    ("rules", "name", "problem"),
    [
        (FIRST, "inactive", "segment inactive is a file of the repository"),
        ("{all: [{in_segment: inactiv}]}", "asia", "did you mean 'inactive'?"),
        ("{all: [{in_segment: inactive, with: {day: 3}}]}", "asia", "did you mean 'days'?"),
        ("{all: [{is: contry, in: [TH]}]}", "asia", "asked.yaml:4: 'rules.all.0.is' is 'contry': did you mean"),
    ],
)
def test_a_wrong_wish_is_refused_at_once(
    shop: Engine, files: Path, command: Command, rules: str, name: str, problem: str
) -> None:
    """Nothing is kept of rules that are wrong; the line says what to write."""
    status, _, error = command("segment", "request", _asked(files, rules, name), "--by", "marketing")
    assert (status, problem in error) == (1, True)
    assert _states(command, name) == []


def test_rules_that_this_version_cannot_read_stop_nothing_else(shop: Engine, files: Path, command: Command) -> None:
    """An approved segment whose words are gone is named, and every other segment is computed."""
    for name in ("asia", "other"):
        command("segment", "request", _asked(files, FIRST, name), "--by", "marketing")
        command("segment", "approve", name, "--by", "crm")
    with shop.begin() as connection:
        connection.execute(
            sa.text("update segment.request set rules = replace(rules, 'country', 'gone') where segment = 'asia'")
        )
    status, _, error = command.at(NOW)("segment", "refresh")
    assert status == 1
    assert "segment asia, as it was approved, cannot be read" in error
    assert _sizes(shop) == [("other", 2)]


def test_an_erased_customer_leaves_what_approvers_are_shown(shop: Engine, files: Path, command: Command) -> None:
    """A preview that has the customer is emptied, and one that has not stays."""
    command = command.at(NOW)
    installation = open_installation(Settings(database_url=shop.url.render_as_string(hide_password=False)))
    for rules, name in ((FIRST, "asia"), ('{all: [{is: country, equals: "NO"}]}', "north")):
        command("segment", "request", _asked(files, rules, name), "--by", "marketing")
        installation.show_request(installation.segment_requests(name)[0], NOW)
    assert command("erase", "ann", "--without-files")[0] == 0
    assert installation.shown_request("asia", 1) == "A customer of this preview was erased: ask for the segment again."
    assert "cem" in installation.shown_request("north", 1)
    installation.engine.dispose()


def test_a_campaign_uses_an_approved_segment_by_its_name(shop: Engine, files: Path, command: Command) -> None:
    """Planning enrolls its members; a name that neither a file nor the warehouse knows is refused with the nearest."""
    command = command.at(NOW)
    campaigns = files / "campaigns"
    campaigns.mkdir()
    _campaign(campaigns, "asia")
    command.with_settings(LIFECYCLE_CAMPAIGNS_DIR=str(campaigns))
    command("segment", "request", _asked(files, FIRST), "--by", "marketing")
    status, _, error = command("campaign", "plan", "spring", "--as-of", NOW.isoformat())
    assert (status, "no segment is called 'asia'" in error) == (1, True)
    command("segment", "approve", "asia", "--by", "crm")
    assert command("campaign", "plan", "spring", "--as-of", NOW.isoformat())[0] == 0
    registry.learn({})  # as in a new process
    assert command("campaign", "check", "spring")[0] == 0
    with shop.connect() as connection:
        enrolled = connection.execute(sa.text("select customer_id from journey.enrollment order by 1")).scalars().all()
    assert enrolled == ["ann", "ben"]


def _campaign(folder: Path, segment: str) -> None:
    there = Path(registry.SEGMENTS_FOLDER).parents[1] / "campaigns" / "win_back.yaml"
    text = there.read_text(encoding="utf-8").replace("campaign: win_back", "campaign: spring")
    text = text.replace("name: inactive, days: 90", f"name: {segment}")
    (folder / "spring.yaml").write_text(text, encoding="utf-8")
