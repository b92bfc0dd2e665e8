"""The command line: results on stdout, one readable line for every refusal, exit 0, 1 or 2."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from builders import NOON, campaign, customer, decision, enrollment, insert, load, message, order, rows
from commands import Command
from lifecycle_mail.delivery import sync_dag_pauses
from lifecycle_mail.settings import INCLUDE
from planning import CART_CONTEXT, members, states
from reader_locales import templates_in


def open_cart(engine: Engine) -> None:
    with engine.begin() as connection:
        loaded = load(connection)
        insert(
            connection, "source.cart", cart_id="cart-1", customer_id="ann", created_at=NOON, status="open",
            updated_at=NOON - timedelta(hours=2), load_id=loaded,
        )  # fmt: skip
        insert(
            connection, "source.cart_line", cart_id="cart-1", product_id="p1", quantity=2, unit_price=1.5,
            load_id=loaded,
        )  # fmt: skip


def test_members_are_csv_and_nothing_else(command: Command, warehouse: Engine) -> None:
    """stdout of `segment members` is CSV with the promised header; nothing is written."""
    members(warehouse, "ann")
    open_cart(warehouse)
    status, out, _ = command("segment", "members", "cart_abandoned", "--as-of", "2026-03-02T12:00:00Z")
    assert status == 0
    found = list(csv.DictReader(io.StringIO(out)))
    assert [list(row) for row in found] == [["customer_id", "occurrence", "occurred_at", "context"]]
    assert found[0]["customer_id"] == "ann"
    status, out, _ = command(
        "segment", "members", "cart_abandoned", "--as-of", "2026-03-02T12:00:00Z", "-p", "idle_minutes=180"
    )
    assert out.strip() == "customer_id,occurrence,occurred_at,context"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("segment", "members", "cart_abandonned", "--as-of", "2026-03-02T12:00:00Z"), "cart_abandoned"),
        (
            ("segment", "members", "inactive", "--as-of", "2026-03-02T12:00:00Z", "-p", "dayz=3"),
            "days",
        ),
        (("campaign", "plan", "cart_abandonned", "--as-of", "2026-03-02T12:00:00Z"), "did you mean 'cart_abandoned'"),
        (("campaign", "pause", "cart_abandonned"), "did you mean 'cart_abandoned'"),
        (("campaign", "resume", "cart_abandonned"), "did you mean 'cart_abandoned'"),
        (("load", "/nowhere/at/all"), "/nowhere/at/all"),
        (("events", "ingest"), "LIFECYCLE_EVENTS_DIR"),
        (("events", "ingest", "/nowhere/at/all"), "/nowhere/at/all"),
        (("why", "nobody"), "nobody"),
        (("erase", "nobody"), "nobody"),
        (("message", "preview", "cart_abandoned", "remindr", "--customer", "ann"), "reminder, doubts, incentive"),
    ],
)
def test_a_refusal_is_one_readable_line(command: Command, arguments: tuple[str, ...], expected: str) -> None:
    """Exit 1, nothing on stdout, one line on stderr that names what to do."""
    status, out, err = command(*arguments)
    assert (status, out) == (1, "")
    assert expected in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("segment", "members"),
        ("segment", "members", "inactive", "--as-of", "yesterday"),
        ("segment", "members", "inactive", "--as-of", "2026-03-02T12:00:00"),
        ("segment", "members", "inactive", "--as-of", "2026-03-02T12:00:00Z", "-p", "days"),
        ("no-such-command",),
    ],
)
def test_wrong_usage_is_2(command: Command, arguments: tuple[str, ...]) -> None:
    """A missing option, a time without offset and an unknown command are usage errors."""
    assert command(*arguments)[0] == 2


def test_check_needs_no_settings(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """`campaign check` works without a database, and finds the shipped campaigns right."""
    monkeypatch.delenv("LIFECYCLE_DATABASE_URL")
    status, out, _ = command("campaign", "check")
    assert status == 0
    assert "nothing wrong" in out


def test_a_template_that_lacks_a_variable_is_found_at_check_time(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The missing variable is named with campaign, file and line before anything is sent."""
    import shutil

    shutil.copytree(INCLUDE / "templates", tmp_path / "templates")
    body = tmp_path / "templates" / "cart_abandoned" / "reminder" / "body.txt"
    body.write_text(body.read_text() + "{% slot extra %}{{ context.no_such_thing }}{% endslot %}\n")
    monkeypatch.setenv("LIFECYCLE_TEMPLATES_DIR", str(tmp_path / "templates"))
    status, _, err = command("campaign", "check", "cart_abandoned")
    assert status == 1
    assert "no_such_thing" in err
    assert "body.txt" in err


def test_check_reads_the_words_of_every_language(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A language is one file more. What its readers' mails would lack is found at check time, not in their planning."""
    templates = templates_in(tmp_path / "templates", "th")
    monkeypatch.setenv("LIFECYCLE_TEMPLATES_DIR", str(templates))
    words = templates / "translations/th.yaml"
    words.write_text(words.read_text(encoding="utf-8").replace("greeting:", "greetings:"), encoding="utf-8")
    (templates / "translations/fa.yml").write_text("messages: {}", encoding="utf-8")
    status, _, err = command("campaign", "check", "win_back")
    assert status == 1
    assert "no message greeting.named in th.yaml (did you mean greetings.named?); add it there" in err
    assert "translations/fa.yml: no words are read from it" in err


@pytest.mark.parametrize(
    ("wrong", "right", "expected"),
    [
        ("cart_abandoned/remindr", "cart_abandoned/reminder", "did you mean 'cart_abandoned/reminder'?"),
        ("name: cart_abandonned", "name: cart_abandoned", "cart_abandoned"),
        ("idle_minuts: 60", "idle_minutes: 60", "idle_minutes"),
    ],
)
def test_check_names_the_line_of_a_wrong_segment_or_template(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrong: str, right: str, expected: str
) -> None:
    """Faults that only segments and templates can show are reported with file and line too, once."""
    text = (INCLUDE / "campaigns" / "cart_abandoned.yaml").read_text().replace(right, wrong)
    (tmp_path / "cart_abandoned.yaml").write_text(text)
    monkeypatch.setenv("LIFECYCLE_CAMPAIGNS_DIR", str(tmp_path))
    status, _, err = command("campaign", "check")
    line = next(number for number, found in enumerate(text.splitlines(), 1) if wrong in found)
    assert status == 1
    assert err.startswith(f"cart_abandoned.yaml:{line}: ")
    assert expected in err
    assert err.splitlines()[1:] == ["1 problem in 1 file"]


TOO_EARLY = (
    "warning: cart_abandoned.yaml:12: topic 'reminders' plans mails in doubt again after {after} hours, and a mail is"
    " stale after {lateness}: {share} of them would be stale instead; raise max_lateness_hours to {needed} at least\n"
)


@pytest.mark.parametrize(("policy", "hours", "lateness", "said"), [
    ("resend", 4, 6, TOO_EARLY.format(after=25, lateness=6, share="all", needed=49)),
    ("resend", 25, 25, TOO_EARLY.format(after=25, lateness=25, share="all", needed=49)),
    ("resend", 4, 48.5, TOO_EARLY.format(after=25, lateness=48.5, share="many", needed=49)),
    ("resend", 48, 71, TOO_EARLY.format(after=48, lateness=71, share="many", needed=72)),
    ("resend", 4, 49, ""), ("resend", 48, 72, ""), ("abandon", 48, 6, ""),
])  # fmt: skip
def test_check_warns_of_mails_that_are_stale_when_they_would_be_resent(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, policy: str, hours: float, lateness: float,
    said: str,
) -> None:  # fmt: skip
    """A mail in doubt needs at least 25 hours until it is planned again, and 24 hours to be sent. If the campaign's
    lateness is shorter, the check reports its line but does not refuse the file."""
    topics = (INCLUDE / "topics.yaml").read_text().replace("in_doubt: abandon", f"in_doubt: {policy}")
    (tmp_path / "topics.yaml").write_text(topics.replace("settle_after_hours: 48", f"settle_after_hours: {hours}"))
    monkeypatch.setenv("LIFECYCLE_TOPICS_FILE", str(tmp_path / "topics.yaml"))
    text = (INCLUDE / "campaigns" / "cart_abandoned.yaml").read_text()
    (tmp_path / "cart_abandoned.yaml").write_text(
        text.replace("max_lateness_hours: 6", f"max_lateness_hours: {lateness}")
    )
    monkeypatch.setenv("LIFECYCLE_CAMPAIGNS_DIR", str(tmp_path))
    status, out, err = command("campaign", "check", "cart_abandoned")
    assert status == 0
    assert "nothing wrong" in out
    assert " ".join(err.split()) == said.strip()


@pytest.mark.parametrize(("now", "said"), [
    ("2026-03-04T23:59:00Z", None),
    ("2026-03-05T11:59:00Z", "topic 'account': 1 mail(s) in doubt wait, too_few_to_judge: fewer than 20 mails"),
    ("2026-03-05T12:00:00Z", "topic 'account': 1 mail(s) in doubt abandoned, too_few_to_judge: fewer than 20 mails"),
])  # fmt: skip
def test_deliver_names_what_became_of_doubt(
    command: Command, monkeypatch: pytest.MonkeyPatch, warehouse: Engine, tmp_path: Path, now: str, said: str | None
) -> None:
    """`deliver` says how many mails of each topic were abandoned or still wait, and why. It says nothing before their
    hours are over."""
    monkeypatch.setenv("LIFECYCLE_MODE", "simulate")
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.test")
    monkeypatch.setenv("SENDGRID_BASE_URL", "http://127.0.0.1:9")
    topics = (INCLUDE / "topics.yaml").read_text().replace("settle_after_hours: 25", "settle_after_hours: 60")
    (tmp_path / "topics.yaml").write_text(topics)
    monkeypatch.setenv("LIFECYCLE_TOPICS_FILE", str(tmp_path / "topics.yaml"))
    with warehouse.begin() as connection:
        insert(
            connection, "message.message", message_id="00000000-0000-0001-0000-000000000000", enrollment_id=1,
            step="confirm", campaign="opt_in", customer_id="ann", topic="account", variant="default", priority=50,
            shell_id=1, state="in_doubt", reason="no_answer", planned_at=NOON, not_before=NOON,
            expires_at=NOON + timedelta(days=4), send_day=NOON.date(), claimed_at=NOON, attempt_id=1,
        )  # fmt: skip
    status, out, _ = command("deliver", "--now", now)
    assert status == 0
    told = " ".join(out.split())
    assert said in told if said else "mail(s) in doubt" not in told


def test_a_load_ends_with_a_table_by_feed_and_reason(command: Command, warehouse: Engine, tmp_path: Path) -> None:
    """What was loaded, what was refused and why, and what was left out. A file that cannot be read is exit 1 with what
    it looks like, whatever else was loaded. So is one whose rows are all refused."""
    customers = tmp_path / "customers.csv"
    head = "customer_id,email,created_at,timezone\n"
    customers.write_text(head + (
        "ann,ann@example.com,2026-01-01T00:00:00Z,Atlantis\nbob,bob.example.com,2026-01-01T00:00:00Z,\n"
    ))  # fmt: skip
    status, out, _ = command("load", str(tmp_path))
    table = [" ".join(line.strip(" │┃|").replace("│", " ").split()) for line in out.splitlines()]
    assert status == 0
    for line in (
        "customers: loaded 1", "customers: refused: malformed_address 1",
        "customers: left out of their rows: timezone (invalid_zone) 1",
        "look at this: customers.csv: 1 of 2 rows were refused (malformed_address 1), more than 5 percent",
    ):  # fmt: skip
        assert line in table
    (tmp_path / "orders.csv").write_text("order_id;customer;ordered_at\n")
    status, _, err = command("load", str(tmp_path))
    assert status == 1
    assert err.strip().splitlines()[-1] == (
        "orders.csv was refused: wrong_columns (required column missing: customer_id, total; it was read as 3 columns "
        "with semicolons between them). Every other file is loaded; source.rejected has the rows"
    )
    (tmp_path / "orders.csv").unlink()
    customers.write_text(head + "bob,bob.example.com,2026-01-01T00:00:00Z,\n")
    status, _, err = command("load", str(tmp_path))
    assert status == 1
    assert "customers.csv: no row could be read (malformed_address)" in err
    status, out, _ = command("why", " bob\u00a0")
    assert status == 0
    assert "malformed_address" in out


def test_plan_then_preview_then_why(command: Command, warehouse: Engine) -> None:
    """`deliver` shows a planned mail in preview without moving it, `message preview` shows it exactly, and `why`
    reports it."""
    members(warehouse, "ann", first_name="Zoë")
    open_cart(warehouse)
    assert command("campaign", "plan", "cart_abandoned", "--as-of", "2026-03-02T12:00:00Z", "--dry-run")[0] == 0
    with warehouse.connect() as connection:
        assert rows(connection, "select count(*) from journey.enrollment") == [(0,)]
    status, out, _ = command("campaign", "plan", "cart_abandoned", "--as-of", "2026-03-02T12:00:00Z")
    assert status == 0, out
    status, out, _ = command("deliver", "--now", "2026-03-02T12:05:00Z")
    assert status == 0
    assert "nothing is sent" in out
    with warehouse.connect() as connection:
        assert rows(connection, "select distinct state from message.message") == [("planned",)]
    status, out, _ = command("message", "preview", "cart_abandoned", "reminder", "--customer", "ann")
    assert status == 0
    assert out.startswith("Subject: ")
    status, out, _ = command("why", "ann")
    assert status == 0
    assert "enrolled" in out
    assert "eligible" in out
    assert "ann@example.com" not in out


def test_as_of_is_now_if_it_is_not_given(command: Command, warehouse: Engine) -> None:
    """Size, members, planning and `why` work for the present if no moment is given; --now is the present of a plan."""
    members(warehouse, "ann")
    open_cart(warehouse)
    assert command("segment", "size", "cart_abandoned")[1] == "0\n"  # the cart of March is too old by now
    command.at(NOON)
    assert command("segment", "size", "cart_abandoned")[1] == "1\n"
    assert command("segment", "members", "cart_abandoned")[1].splitlines()[1].startswith("ann,cart-1@")
    status, out, _ = command("campaign", "plan", "cart_abandoned", "--now", "2026-03-02T11:30:00Z", "--dry-run")
    assert (status, out.splitlines()[0]) == (
        0, "cart_abandoned at 2026-03-02T11:30:00+00:00 (dry run: nothing was kept)"
    )  # fmt: skip
    status, out, _ = command("campaign", "plan", "cart_abandoned")
    assert (status, out.splitlines()[0]) == (0, "cart_abandoned at 2026-03-02T12:00:00+00:00")
    with warehouse.connect() as connection:
        assert rows(connection, "select customer_id, enrolled_at from journey.enrollment") == [("ann", NOON)]
    assert "What holds at 2026-03-02T12:00:00+00:00" in command("why", "ann")[1]


def test_a_sample_is_of_a_member_if_there_is_one(command: Command, warehouse: Engine) -> None:
    """`--sample` tells the facts of a member of the segment, in the variant and language asked for; without a member
    they are made up. A customer whose mail is planned is shown another variant as it would be written now."""
    members(warehouse, "ann", first_name="Zoë")
    command.at(NOON)
    sample = ("message", "preview", "cart_abandoned", "incentive", "--sample")
    status, out, err = command(*sample)
    assert (status, "Hello Ada," in out) == (0, True)
    assert err.endswith("segment cart_abandoned has no members now\n")
    open_cart(warehouse)
    status, out, err = command(*sample, "--variant", "without_offer")
    assert (status, err) == (0, "facts of customer ann, a member of segment cart_abandoned now\n")
    assert out.startswith("Subject: Shall we keep your basket?\n")
    assert "Hello Zoë," in out
    of_ann = ("message", "preview", "cart_abandoned", "incentive", "--customer", "ann")
    assert command(*of_ann, "--variant", "without_offer")[1] == out
    assert command(*of_ann)[1].startswith("Subject: For the basket you left: 10% off\n")
    with warehouse.connect() as connection:
        assert rows(connection, "select count(*) from message.message") == [(0,)]


def test_live_refuses_now_and_missing_key(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Live mode goes by the real clock, and without a key it is one readable line."""
    monkeypatch.setenv("LIFECYCLE_MODE", "live")
    assert "real clock" in command("deliver", "--now", "2026-03-02T12:00:00Z")[2]
    status, _, err = command("deliver")
    assert status == 1
    assert "SENDGRID_API_KEY" in err


def test_live_plans_nothing_without_a_default_zone(command: Command, warehouse: Engine) -> None:
    """Which hours are a customer's who tells neither zone nor country, is said before mails are planned for them.

    One line names the setting, for --dry-run too, and nothing is written.
    """
    plan = ("campaign", "plan", "cart_abandoned", "--as-of", "2026-03-02T12:00:00Z")
    line = (
        "mode live needs LIFECYCLE_DEFAULT_ZONE: give the IANA zone whose hours hold for customers who tell neither "
        "zone nor country\n"
    )
    command.at(NOON).with_settings(LIFECYCLE_MODE="live")
    assert command(*plan) == command(*plan, "--dry-run") == (1, "", line)
    with warehouse.connect() as connection:
        assert rows(connection, "select campaign from journey.planning") == []
    assert command.with_settings(LIFECYCLE_DEFAULT_ZONE="Europe/Berlin")(*plan)[0] == 0


def test_an_unreachable_database_is_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Host and database are named, the password is not."""
    monkeypatch.setenv("LIFECYCLE_DATABASE_URL", "postgresql://someone:hunter2@127.0.0.1:1/lifecycle")
    status, out, err = command("kpis", "roll-up")
    assert (status, out) == (1, "")
    assert "127.0.0.1" in err
    assert "hunter2" not in err
    assert len(err.strip().splitlines()) == 1


def test_an_unmigrated_database_says_so(command: Command, monkeypatch: pytest.MonkeyPatch, server_url: str) -> None:
    """Before `migrate`, every command says to run it."""
    monkeypatch.setenv("LIFECYCLE_DATABASE_URL", server_url)
    status, _, err = command("deliver")
    assert status == 1
    assert "migrate" in err


def test_a_warehouse_that_takes_no_writes_is_one_readable_line(command: Command, warehouse: Engine) -> None:
    """A standby refuses what is written; trying again there would not help, and is not advised."""
    with warehouse.begin() as connection:
        connection.exec_driver_sql(f'alter database "{warehouse.url.database}" set default_transaction_read_only = on')
    status, out, err = command("sending", "pause")
    assert (status, out) == (1, "")
    assert err == (
        "the warehouse did not do it: cannot execute INSERT in a read-only transaction (SQLSTATE 25006)\n"
    )


def test_pause_and_resume_by_command(command: Command, warehouse: Engine) -> None:
    """The switches are rows any claim reads."""
    assert command("sending", "pause")[0] == 0
    assert command("campaign", "pause", "birthday")[0] == 0
    with warehouse.connect() as connection:
        assert set(rows(connection, "select scope, reason from delivery.pause")) == {
            ("all", "operator"), ("campaign:birthday", "operator"),
        }  # fmt: skip
    assert "goes on" in command("sending", "resume")[1]
    assert "goes on" in command("campaign", "resume", "birthday")[1]
    assert "was not paused" in command("sending", "resume")[1]


def test_the_words_of_who_pauses_are_not_taken_for_a_kind_of_pause(command: Command, warehouse: Engine) -> None:
    """`--reason` is kept for readers: 'breaker' written by an operator is no breaker, 'dag' no paused DAG."""
    assert command("sending", "pause", "--reason", "breaker")[0] == 0
    assert command("campaign", "pause", "birthday", "--reason", "dag")[0] == 0
    sync_dag_pauses(warehouse, (), ["birthday"], NOON)
    with warehouse.connect() as connection:
        assert set(rows(connection, "select scope, reason, detail from delivery.pause")) == {
            ("all", "operator", "breaker"), ("campaign:birthday", "operator", "dag"),
        }  # fmt: skip


@pytest.mark.parametrize("content", [None, "campaign: [broken"])
def test_a_campaign_whose_file_is_broken_or_gone_can_be_paused(
    command: Command, warehouse: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    """What was published may have planned mails, which go by the ledger: a file is not needed to stop them."""
    with warehouse.begin() as connection:
        campaign(connection, "cart_abandoned")
    monkeypatch.setenv("LIFECYCLE_CAMPAIGNS_DIR", str(tmp_path))
    if content:
        (tmp_path / "cart_abandoned.yaml").write_text(content)
    assert command("campaign", "pause", "cart_abandoned")[:2] == (0, "campaign cart_abandoned is paused\n")
    with warehouse.connect() as connection:
        assert rows(connection, "select scope from delivery.pause") == [("campaign:cart_abandoned",)]
    assert "goes on" in command("campaign", "resume", "cart_abandoned")[1]
    assert "was not paused" in command("campaign", "resume", "cart_abandoned")[1]


def test_status_names_what_waits_for_an_approval(
    command: Command, warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In live mode `sending status` says how many mails of each campaign wait for approval, and what to run. After the
    approval it says nothing."""
    clock = [NOON]
    monkeypatch.setattr("lifecycle_mail.command_line.commands.present", lambda: clock[0])
    members(warehouse, "ann")
    open_cart(warehouse)
    assert command("campaign", "plan", "cart_abandoned", "--as-of", "2026-03-02T12:00:00Z")[0] == 0
    assert "not sent" not in command("sending", "status")[1]
    monkeypatch.setenv("LIFECYCLE_MODE", "live")
    clock[0] = NOON + timedelta(days=2)
    assert "not sent" not in command("sending", "status")[1], "what is stale waits for nothing"
    clock[0] = NOON
    _, out, _ = command("sending", "status")
    assert "not sent: 1 planned mails of campaign cart_abandoned wait for an approval" in out
    assert "`campaign approve cart_abandoned --by WHO`" in out
    assert command("campaign", "approve", "cart_abandoned", "--by", "lead")[0] == 0
    assert "not sent" not in command("sending", "status")[1]


def test_status_names_a_campaign_that_has_not_planned(
    command: Command, warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also without Airflow: two ticks after its last planning, `sending status` names a campaign that is not paused."""
    clock = [NOON]
    monkeypatch.setattr("lifecycle_mail.command_line.commands.present", lambda: clock[0])
    assert command("campaign", "plan", "cart_abandoned", "--as-of", "2026-03-02T12:00:00Z")[0] == 0
    clock[0] = NOON + timedelta(minutes=119)
    assert "not planned" not in command("sending", "status")[1]
    clock[0] = NOON + timedelta(hours=2)
    said = "campaign cart_abandoned has not planned since 2026-03-02 12:00 UTC, although its schedule is '0 * * * *'"
    last = command("sending", "status")[1].splitlines()[-1]
    assert last.partition(": look")[0] == f"not planned: {said}"
    assert command("campaign", "pause", "cart_abandoned")[0] == 0
    assert "not planned" not in command("sending", "status")[1]


def test_an_approval_says_what_it_holds_for_and_a_revocation_what_it_ends(
    command: Command, warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checksum `campaign check` shows is the one approved; another one is refused; revoked, its mails end."""
    monkeypatch.setattr("lifecycle_mail.command_line.commands.present", lambda: NOON)
    members(warehouse, "ann")
    open_cart(warehouse)
    (md5,) = re.findall("definition ([0-9a-f]{32})", command("campaign", "check", "cart_abandoned")[1])
    approve = ("campaign", "approve", "cart_abandoned", "--by", "lead")
    status, _, err = command(*approve, "--definition", "0" * 32)
    assert (status, f"its files are definition {md5} now" in err) == (1, True)
    assert command(*approve, "--definition", md5)[:2] == (
        0, f"campaign cart_abandoned is approved: definition {md5}\n"
    )  # fmt: skip
    assert command(*approve)[1] == f"campaign cart_abandoned was approved before: definition {md5}\n"
    command("campaign", "plan", "cart_abandoned", "--as-of", "2026-03-02T12:00:00Z")
    revoke = ("campaign", "revoke", "cart_abandoned", "--because", "a wrong price", "--by")
    assert command(*revoke, "lead@example.com")[0] == 2
    assert command(*revoke, "lead")[:2] == (
        0, f"campaign cart_abandoned: definition {md5} is not approved any more, 1 planned mails are cancelled; none "
        "goes on\n",
    )  # fmt: skip
    status, _, err = command(*revoke, "lead")
    assert (status, "has no approval in force" in err) == (1, True)
    assert states(warehouse) == {("ann", "reminder", "cancelled", "approval_revoked")}


def test_the_cart_context_of_the_segment_is_what_templates_expect(command: Command, warehouse: Engine) -> None:
    """The keys tests of delivery use are the keys the segment gives."""
    import orjson

    members(warehouse, "ann")
    open_cart(warehouse)
    _, out, _ = command("segment", "members", "cart_abandoned", "--as-of", "2026-03-02T12:00:00Z")
    context = orjson.loads(next(csv.DictReader(io.StringIO(out)))["context"])
    assert set(context) == set(CART_CONTEXT)
    assert set(context["items"][0]) == set(CART_CONTEXT["items"][0])


def test_numbers_that_do_not_add_up_are_named(command: Command, warehouse: Engine) -> None:
    """`kpis check` says that all is well. Broken identities are a readable line each, with the first row that breaks
    it, and exit 1."""
    with warehouse.begin() as connection:
        campaign(connection)
        customer(connection, "ann")
        series = enrollment(connection, "cart_abandoned", "ann")
        decision(connection, series, "cart_abandoned", "ann")
        message(connection, series, "cart_abandoned", "ann")
        order(connection, "o1", "ann", NOON)
    assert command("kpis", "roll-up")[0] == 0
    assert command("kpis", "check") == (0, "the KPI tables add up\n", "")
    with warehouse.begin() as connection:
        connection.exec_driver_sql("update kpi.campaign_daily set accepted = 2, pending = 2, planned = 2")
        connection.exec_driver_sql("update kpi.campaign_revenue_daily set revenue = 11")
    status, out, err = command("kpis", "check")
    assert (status, out) == (1, "")
    lines = err.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["counted_steps", "revenue", "same_totals", "step_states"]
    assert "first 2026-03-02, cart_abandoned, reminder, default. What should hold: Every step is counted" in lines[0]
    assert command("kpis", "roll-up", "--full")[0] == 0
    assert command("kpis", "check")[0] == 0


def test_ingest_counts_each_event_once(command: Command, tmp_path: Path) -> None:
    """The same export twice: the second time nothing is new; numbers on stdout, progress on stderr."""
    line = (
        '{"event":"open","email":"ann@example.com","timestamp":1772452800,"sg_event_id":"e1","sg_message_id":"m.1"}\n'
    )
    (tmp_path / "export.ndjson").write_text(line * 3)
    status, out, err = command("events", "ingest", str(tmp_path))
    assert status == 0
    numbers = dict(row.split("│") for row in out.replace(" ", "").splitlines() if "│" in row)
    assert (numbers["received"], numbers["inserted"], numbers["duplicates"]) == ("3", "1", "2")
    assert "events" in err
    assert "ann@example.com" not in out + err
    status, out, _ = command("events", "ingest", str(tmp_path))
    numbers = dict(row.split("│") for row in out.replace(" ", "").splitlines() if "│" in row)
    assert (status, numbers["received"], numbers["inserted"]) == (0, "0", "0")


@pytest.mark.parametrize(
    "arguments",
    [
        ("campaign", "plan", "win_back", "--as-of", "2026-03-02T12:00:00Z"),
        ("deliver",),
        ("events", "ingest", "."),
        ("suppressions", "sync"),
        ("kpis", "roll-up"),
    ],
)
def test_nothing_works_with_a_file_that_lost_a_topic(
    command: Command, warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """A topic with opt-outs is missing from topics.yaml: each command ends with the line that says what to write."""
    with warehouse.begin() as connection:
        insert(
            connection, "event.suppression", address="ann@example.com", scope="topic:reminders", source="x",
            reason="unsubscribed", suppressed_at=NOON,
        )  # fmt: skip
    text = (INCLUDE / "topics.yaml").read_text().replace("  reminders:", "  nudges:", 1)
    (tmp_path / "topics.yaml").write_text(text)
    monkeypatch.setenv("LIFECYCLE_TOPICS_FILE", str(tmp_path / "topics.yaml"))
    status, out, err = command(*arguments)
    assert (status, out) == (1, "")
    assert " ".join(err.split()) == (
        "topics.yaml: topic 'reminders' is missing, but opt-outs (1), mails (0) and campaigns (0) name it: write "
        "`renamed_from: reminders` at its new name, or `retired: [reminders]` at the end of the "
        "file if it has ended"
    )
