"""`segment new` and `campaign new` write files that work at once, and never over what is there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml
from sqlalchemy.engine import Engine

from builders import NOON, customer, order
from commands import Command
from lifecycle_mail.campaigns import read_campaign
from lifecycle_mail.command_line import new_segment
from lifecycle_mail.database import SQL_FOLDER
from lifecycle_mail.segments import read_rules, sentence
from lifecycle_mail.segments.registry import read_definition
from lifecycle_mail.settings import INCLUDE


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the campaigns, templates and topics of the repository, and a place for segments and their cases."""
    for name in ("campaigns", "templates"):
        shutil.copytree(INCLUDE / name, tmp_path / "include" / name)
    shutil.copy(INCLUDE / "topics.yaml", tmp_path / "include/topics.yaml")
    (tmp_path / "include/sql/segments").mkdir(parents=True)
    shutil.copy(SQL_FOLDER / "segments/inactive.sql", tmp_path / "include/sql/segments")
    (tmp_path / "tests/sql/segments").mkdir(parents=True)
    monkeypatch.setattr(new_segment, "REPOSITORY", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shell(repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line in that copy, without a warehouse."""
    monkeypatch.delenv("LIFECYCLE_DATABASE_URL", raising=False)
    return Command(monkeypatch, capsys).with_settings(
        LIFECYCLE_CAMPAIGNS_DIR=str(repository / "include/campaigns"),
        LIFECYCLE_TEMPLATES_DIR=str(repository / "include/templates"),
        LIFECYCLE_TOPICS_FILE=str(repository / "include/topics.yaml"),
    )


def files(folder: Path) -> dict[str, str]:
    """Return the text of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_new_segment_works(shell: Command, repository: Path, warehouse: Engine) -> None:
    """The segment has a header that is right and a parameter that is bound, and its select finds its members. The
    output names the files and what to run next. (test_repository_pages runs the case.)"""
    status, out, err = shell("segment", "new", "keen")
    assert (status, err) == (0, "")
    assert out == (
        "wrote include/sql/segments/keen.sql\n"
        "wrote tests/sql/segments/keen/test_who_is_a_member/given.yaml\n"
        "wrote tests/sql/segments/keen/test_who_is_a_member/params.yaml\n"
        "wrote tests/sql/segments/keen/test_who_is_a_member/expect.yaml\n"
        "change them, then run:\n  python -m lifecycle_mail segment members keen\n  pytest tests/sql/segments/keen\n"
    )
    path = repository / "include/sql/segments/keen.sql"
    found = read_definition(path)
    assert (found.name, [one.name for one in found.parameters]) == ("keen", ["days"])
    statement = sa.text("\n".join(line for line in path.read_text().splitlines() if not line.startswith("--")))
    with warehouse.begin() as connection:
        customer(connection, "ann")
        order(connection, "o1", "ann", NOON)
        rows = connection.execute(statement, {"as_of": NOON, "days": 7}).all()
    assert [(row.customer_id, row.occurrence, row.occurred_at) for row in rows] == [("ann", "o1", NOON)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("inactive", "'inactive' is taken by include/sql/segments/inactive.sql: choose another name"),
        ("of_rules", "'of_rules' is taken by include/segments/of_rules.yaml: choose another name"),
        ("cased", "tests/sql/segments/cased/test_who_is_a_member/given.yaml is there already: choose another name"),
        ("Big Spenders", "'Big Spenders' is no name: write lower-case letters, digits and _, a letter first"),
        ("../x", "'../x' is no name: write lower-case letters, digits and _, a letter first, at most 63 characters"),
        ("keen\n", "'keen\n' is no name"),
    ],
)  # fmt: skip
def test_a_segment_is_never_written_over(shell: Command, repository: Path, name: str, expected: str) -> None:
    """A name that is taken, by SQL, rules or a case, or that is no plain word, is refused; nothing is written."""
    case = repository / "tests/sql/segments/cased/test_who_is_a_member/given.yaml"
    for path in (repository / "include/segments/of_rules.yaml", case):
        path.parent.mkdir(parents=True)
        path.write_text("here\n")
    before = files(repository)
    status, out, err = shell("segment", "new", name)
    assert (status, out) == (1, "")
    assert err.startswith(expected)
    assert files(repository) == before


def test_where_no_repository_is_one_line_says_so(shell: Command, repository: Path) -> None:
    """An image or another installation without tests is no copy of the repository; neither is a folder that cannot be
    written. Nothing is left of what was begun."""
    shutil.rmtree(repository / "tests")
    assert shell("segment", "new", "keen") == (
        1, "", ". is no copy of the repository, because it has no tests/sql: run this in one\n"
    )  # fmt: skip
    (repository / "tests/sql/segments").mkdir(parents=True)
    (repository / "tests/sql/segments/keen").write_text("a file where the case's folder would be\n")
    before = files(repository)
    status, out, err = shell("segment", "new", "keen")
    assert (status, out) == (1, "")
    assert re.fullmatch(
        r"nothing was written, because tests/sql/segments/keen\S* cannot be \(.*\): run this in a copy of the "
        r"repository that you may write to\n", err
    )  # fmt: skip
    assert files(repository) == before


def test_a_new_segment_of_rules_reads_as_rules(shell: Command, repository: Path) -> None:
    """With --rules the file has rules that are right, and a sentence says them. A name that is taken is refused."""
    status, out, err = shell("segment", "new", "keen", "--rules")
    assert (status, err) == (0, "")
    assert out == (
        "wrote include/segments/keen.yaml\nchange it, then run:\n"
        "  python -m lifecycle_mail segment members keen\n  python -m lifecycle_mail segment preview keen\n"
    )
    written = read_rules(repository / "include/segments/keen.yaml")
    assert (written.segment, written.occurrence) == ("keen", "entry")
    assert sentence(written)
    for arguments in (("keen", "--rules"), ("keen",)):
        assert shell("segment", "new", *arguments) == (
            1, "", "'keen' is taken by include/segments/keen.yaml: choose another name\n"
        )  # fmt: skip


def test_a_copy_of_a_campaign_passes_its_check_and_can_be_looked_at(shell: Command, repository: Path) -> None:
    """File, templates and words get the new name, owner and description are marked, and nothing of the other campaign
    changes. Its mails read like those of the other."""
    include = repository / "include"
    before = files(include)
    status, out, err = shell("campaign", "new", "rescue", "--like", "cart_abandoned")
    assert (status, err) == (0, "")
    assert out == (
        "wrote include/campaigns/rescue.yaml\nwrote include/templates/rescue/doubts\n"
        "wrote include/templates/rescue/incentive\nwrote include/templates/rescue/reminder\n"
        "wrote include/templates/rescue/thanks\nchanged include/templates/translations/en.yaml\n"
        "it writes to segment cart_abandoned: change what is marked, then run:\n"
        "  python -m lifecycle_mail campaign check rescue\n"
        "  python -m lifecycle_mail message preview rescue reminder --sample\n"
    )
    other, copy = (read_campaign(include / f"campaigns/{name}.yaml") for name in ("cart_abandoned", "rescue"))
    differing = {key for key, value in copy.definition().items() if other.definition()[key] != value}
    assert differing == {"campaign", "steps", "on_end"}
    text = (include / "campaigns/rescue.yaml").read_text()
    assert "# Change: whom to ask about this campaign.\nowner: " in text
    assert "# Change: what this campaign is for. It is a copy of cart_abandoned.\ndescription: " in text
    after = files(include)
    catalogue = "templates/translations/en.yaml"
    assert {file for file in before if after[file] != before[file]} == {catalogue}
    assert after[catalogue].startswith(before[catalogue])
    assert shell("campaign", "check", "rescue")[0] == 0
    for step in ("reminder", "doubts", "incentive", "thanks"):
        mails = [shell("message", "preview", name, step, "--sample")[1] for name in ("rescue", "cart_abandoned")]
        assert mails[0] == mails[1] != ""


TWISTED = """\
# The team's own words about this file.
campaign: spring
renamed_from: [easter, # a comment in the list
  lent]
owner: "lifecycle@example.com"   # ask Ann's team
description: >
  Bring back carts
  left for an hour.
schedule: "0 * * * *"
segment: {name: cart_abandoned}
goal:
  event: order
  within_days: 5
topic: reminders
reenter_after_days: 7
max_lateness_hours: 6
steps:
- {step: reminder, after_hours: 0, template: cart_abandoned/reminder}
- step: note
  after_hours: 5
  template: win_back/reminder
  offer: {percent: 10, valid_hours: 24, code: SPRING}
- {step: again, after_hours: 9, template: "cart_abandoned/reminder"}
"""


def test_a_copy_keeps_how_a_file_is_written(shell: Command, repository: Path) -> None:
    """Comments, quotes and folded texts stay. Former names go with their lines. Templates of two folders whose last
    names are the same get names of their own; names of a template's own files and words in full become those of the
    copy, and what it shares with others it goes on sharing."""
    templates = repository / "include/templates"
    (repository / "include/campaigns/spring.yaml").write_text(TWISTED)
    shutil.copytree(templates / "win_back/miss_you", templates / "win_back/reminder")
    subject = templates / "win_back/reminder/subject.txt"
    subject.write_text('{# t("win_back.reminder.subject") #}{{ t("win_back.reminder.subject") }}\n')
    (templates / "win_back/reminder/part.txt").write_text("shared\n")
    (templates / "win_back/reminder/preheader.txt").write_text('{% include "win_back/reminder/part.txt" %}\n')
    for language in ("en", "de"):
        words = (templates / "translations/en.yaml").read_text().replace("    miss_you:", "    reminder:")
        (templates / f"translations/{language}.yaml").write_text(words.replace("messages:\n", "messages:  # all\n"))
    # The shipped campaign of that template would miss its words.
    (repository / "include/campaigns/win_back.yaml").unlink()
    status, out, err = shell("campaign", "new", "summer", "--like", "spring")
    assert (status, err) == (0, "")
    assert "changed include/templates/translations/de.yaml" in out
    text = (repository / "include/campaigns/summer.yaml").read_text()
    former = "campaign: spring\nrenamed_from: [easter, # a comment in the list\n  lent]\n"
    changed = TWISTED.replace(former, "campaign: summer\n")
    changed = changed.replace('owner: "', '# Change: whom to ask about this campaign.\nowner: "')
    changed = changed.replace(
        "description: >", "# Change: what this campaign is for. It is a copy of spring.\ndescription: >"
    )
    changed = changed.replace("  offer: {", "  # Change: two campaigns with one code cannot be told apart.\n  offer: {")
    changed = changed.replace('"cart_abandoned/reminder"', "summer/cart_abandoned_reminder")
    changed = changed.replace("cart_abandoned/reminder", "summer/cart_abandoned_reminder")
    assert text == changed.replace("win_back/reminder", "summer/win_back_reminder")
    copied = templates / "summer/win_back_reminder"
    assert (copied / "subject.txt").read_text() == (
        '{# t("win_back.reminder.subject") #}{{ t("summer.win_back_reminder.subject") }}\n'
    )
    assert (copied / "preheader.txt").read_text() == '{% include "summer/win_back_reminder/part.txt" %}\n'
    assert (copied / "part.txt").read_text() == "shared\n"
    german = yaml.safe_load((templates / "translations/de.yaml").read_text())["messages"]
    assert german["summer"]["cart_abandoned_reminder"] == german["cart_abandoned"]["reminder"]
    assert german["summer"]["win_back_reminder"] == german["win_back"]["reminder"]


def test_a_new_campaign_alone_is_one_mail(shell: Command, repository: Path) -> None:
    """Without another campaign one mail is written, in each language, to the segment that is named, else to that of the
    same name, else to the first one. It passes its check and can be looked at."""
    translations = repository / "include/templates/translations"
    shutil.copy(translations / "en.yaml", translations / "fr.yaml")
    status, out, err = shell("campaign", "new", "hello", "--segment", "inactive")
    assert (status, err) == (0, "")
    assert "it writes to segment inactive: change what is marked, then run:" in out
    assert "changed include/templates/translations/fr.yaml" in out
    status, out, _ = shell("campaign", "check", "hello")
    assert (status, out.splitlines()[0]) == (0, "1 campaign(s), 1 template(s): nothing wrong")
    first = shell("message", "preview", "hello", "first", "--sample")[1]
    assert first.startswith("Subject: A word from Corner Market\n")
    assert "segment inactive:" in shell("campaign", "new", "inactive")[1]
    assert "segment anniversary:" in shell("campaign", "new", "anything")[1]


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (("win_back",), 1, "there is a campaign 'win_back' already (include/campaigns/win_back.yaml): choose another"),
        (("easter",), 1, "'easter' is what the campaign spring was called before, and a name means one campaign"),
        (("Fresh",), 1, "'Fresh' is no name: write lower-case letters"),
        (("fresh", "--like", "cart_abandonned"), 1, "no campaign 'cart_abandonned' in campaigns/: did you mean"),
        (("fresh", "--segment", "inactiv"), 1, "no segment is called 'inactiv': did you mean 'inactive'?"),
        (("fresh", "--like", "win_back", "--segment", "inactive"), 2, "give --like or --segment"),
        (("fresh", "--like", "birthday"), 1, "campaign birthday does not pass its check: mend it before it is copied"),
        (("worded", "--like", "win_back"), 1, "translations/en.yaml: it has words of 'worded' already: take them out"),
        (("placed", "--like", "win_back"), 1, "include/templates/placed/miss_you/body.txt is there already"),
    ],
)  # fmt: skip
def test_a_campaign_is_never_written_over(
    shell: Command, repository: Path, arguments: tuple[str, ...], status: int, expected: str
) -> None:
    """A name that is or was another campaign's, that templates or words have, or that is no plain word is refused, and
    so is a copy of what is wrong itself. Nothing is written."""
    include = repository / "include"
    (include / "campaigns/spring.yaml").write_text(TWISTED.replace("win_back/reminder", "win_back/miss_you"))
    birthday = include / "campaigns/birthday.yaml"
    birthday.write_text(birthday.read_text().replace("birthday/wish", "birthday/wush"))
    with (include / "templates/translations/en.yaml").open("a") as catalogue:
        catalogue.write('  worded: {x: "y"}\n')
    (include / "templates/placed/miss_you").mkdir(parents=True)
    (include / "templates/placed/miss_you/body.txt").write_text("here\n")
    before = files(repository)
    found, out, err = shell("campaign", "new", *arguments)
    assert (found, out) == (status, "")
    assert expected in err
    assert files(repository) == before


def test_nothing_is_left_if_a_file_cannot_be_written(shell: Command, repository: Path) -> None:
    """If one file of many cannot be written, the others are taken away again, and no words are added."""
    (repository / "include/templates/rescue").write_text("a file where the folder would be\n")
    before = files(repository)
    status, out, err = shell("campaign", "new", "rescue", "--like", "cart_abandoned")
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith("nothing was written, because include/templates/rescue")
    assert files(repository) == before
