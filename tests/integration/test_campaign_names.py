"""Campaigns by name: a renamed file goes on with everything; a file that is gone is named, and can be retired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import NOON, customer, insert, load, rows
from commands import Command
from lifecycle_mail import campaign_names, delivery, kpis
from lifecycle_mail.campaigns import read_campaigns
from lifecycle_mail.database import SQL_FOLDER
from lifecycle_mail.errors import CampaignError, SendingStopped
from lifecycle_mail.journeys import enroll
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.settings import Settings

HOUR = timedelta(hours=1)
FILE = """\
campaign: {name}
owner: lifecycle@example.com
description: for tests
schedule: "0 * * * *"
segment: {{name: cart_abandoned, idle_minutes: 60}}
goal: {{event: order, within_days: 5}}
exit_on: [order, unsubscribed]
holdout: {holdout}
topic: reminders
reenter_after_days: 0
max_lateness_hours: 12
steps:
  - {{step: reminder, after_hours: 0, template: cart_abandoned/reminder, variants: {{one: 0.5, other: 0.5}}}}
  - {{step: doubts, after_hours: 23, template: cart_abandoned/doubts}}
"""
# Every table that names a campaign.
NAMING = """
select table_schema || '.' || table_name
from information_schema.columns
where
    column_name = 'campaign' and table_name not like 'message\\_p_' and table_name !~ '_[0-9]{4}_?[0-9]{2}$'
    and (table_schema, table_name) in (select table_schema, table_name from information_schema.tables
        where table_type = 'BASE TABLE')
    and table_schema in ('journey', 'decision', 'message', 'delivery', 'event', 'kpi')
order by 1
"""


@dataclass
class Shop:
    """An installation with a folder of campaign files of its own."""

    url: str
    warehouse: Engine
    folder: Path

    def opened(self, mode: Any = "simulate") -> Installation:
        settings = Settings(
            database_url=self.url, campaigns_dir=self.folder, mode=mode, sendgrid_base_url="http://127.0.0.1:9",
            sendgrid_api_key="SG.x" if mode == "live" else "",
        )  # fmt: skip
        return open_installation(settings)

    def write(self, name: str, *lines: str, holdout: float = 0.0) -> None:
        text = FILE.format(name=name, holdout=holdout) + "".join(f"{line}\n" for line in lines)
        (self.folder / f"{name}.yaml").write_text(text, encoding="utf-8")

    def move(self, former: str, present: str, **more: Any) -> None:
        """Rename a file, with the words that say so."""
        (self.folder / f"{former}.yaml").unlink()
        self.write(present, f"renamed_from: {former}", **more)

    def plan(self, name: str, hours: float = 0) -> None:
        at = NOON + hours * HOUR
        self.opened().plan(name, at, at)

    def send(self) -> None:
        """Let every planned mail have been taken and delivered."""
        with self.warehouse.begin() as connection:
            connection.exec_driver_sql(
                "update message.message set state = 'accepted', accepted_at = not_before where state = 'planned'"
            )

    def carts(self, *names: str) -> None:
        with self.warehouse.begin() as connection:
            loaded = load(connection)
            for one in names:
                customer(connection, one, load_id=loaded)
                insert(
                    connection, "source.cart", cart_id=one, customer_id=one, created_at=NOON - 3 * HOUR, status="open",
                    updated_at=NOON - 2 * HOUR, load_id=loaded,
                )  # fmt: skip
                insert(
                    connection, "source.cart_line", cart_id=one, product_id="p1", quantity=2, unit_price=1.5,
                    load_id=loaded,
                )  # fmt: skip

    def answer(self, survey: str, answer: str) -> None:
        """Let one recipient have answered behind a mail."""
        with self.warehouse.begin() as connection:
            batch = insert(connection, "event.batch", source_name="answers")
            connection.execute(
                sa.text(
                    "insert into event.survey_answer (enrollment_id, step, campaign, customer_id, survey, answer,"
                    " answered_at, is_current, batch_id) select enrollment_id, step, campaign, customer_id, :survey,"
                    " :answer, :at, true, :batch from message.message order by enrollment_id limit 1"
                ),
                {"survey": survey, "answer": answer, "at": NOON + HOUR, "batch": batch},
            )

    def found(self, query: str, **parameters: Any) -> set[tuple[Any, ...]]:
        with self.warehouse.connect() as connection:
            return set(rows(connection, query, **parameters))

    def names(self) -> dict[str, set[str]]:
        """Every table that names campaigns → the names in it."""
        with self.warehouse.connect() as connection:
            tables = [row[0] for row in rows(connection, NAMING)]
            found = {
                table: {row[0] for row in rows(connection, f"select distinct campaign from {table}")}  # noqa: S608
                for table in tables
            }
        return {table: named for table, named in found.items() if named}


@pytest.fixture
def shop(warehouse_url: str, warehouse: Engine, tmp_path: Path) -> Shop:
    made = Shop(warehouse_url, warehouse, tmp_path / "campaigns")
    made.folder.mkdir()
    made.write("rescue", holdout=0.3)
    return made


PEOPLE = tuple(f"c{number}" for number in range(30))


def sides(shop: Shop) -> set[tuple[Any, ...]]:
    return shop.found("select customer_id, is_holdout from journey.enrollment")


DAILY = "select cast(to_jsonb(daily) - 'as_of' as text) from kpi.campaign_daily as daily"


def test_a_renamed_file_goes_on_with_series_holdout_and_numbers(shop: Shop) -> None:
    """The same cart is not enrolled again, the later step comes at its hour, every table says the new name, and the
    numbers of before stand under it."""
    shop.carts(*PEOPLE)
    shop.plan("rescue")
    shop.send()
    system = shop.opened()
    delivery.pause(system.engine, "campaign:rescue", "operator", NOON, "a look")
    system.roll_up(NOON + HOUR)
    shop.answer("needs", "home")
    before, arms = sides(shop), shop.found("select customer_id, variant from decision.decision")
    shop.move("rescue", "nudge", holdout=0.3)
    shop.plan("nudge", 23)
    assert sides(shop) == before
    assert {named for names in shop.names().values() for named in names} == {"nudge"}
    assert shop.found("select campaign, answer from event.survey_answer") == {("nudge", "home")}
    assert shop.found("select scope, reason from delivery.pause") == {("campaign:nudge", "operator")}
    assert shop.found("select step, count(*) from journey.step_due group by step") == {("reminder", 30), ("doubts", 30)}
    assert shop.found("select customer_id, variant from decision.decision where step = 'reminder'") == arms
    shop.send()
    shop.opened().roll_up(NOON + 24 * HOUR)
    (counted,) = shop.found("select campaign, accepted from kpi.campaign_summary where step is null")
    treated = len([1 for _, held_out in before if not held_out])
    assert counted == ("nudge", 2 * treated)
    daily = shop.found(DAILY)
    shop.opened().roll_up(NOON + 25 * HOUR, full=True)
    assert shop.found(DAILY) == daily


def test_people_stay_on_their_side_after_a_renaming(shop: Shop) -> None:
    """Enrolled under the second and the third name, people are held out, and get the arms, by the first name."""
    shop.plan("rescue")
    shop.move("rescue", "nudge", holdout=0.3)
    shop.plan("nudge", 1)
    (shop.folder / "nudge.yaml").unlink()
    shop.write("poke", "renamed_from: [rescue, nudge]", holdout=0.3)
    shop.carts(*PEOPLE)
    shop.plan("poke", 2)
    query = (
        "select customer_id, journey.ratio_of('holdout/rescue/' || customer_id) < 0.3 from journey.enrollment"
        " where campaign = 'poke'"
    )
    assert sides(shop) == shop.found(query)
    assert len(sides(shop)) == 30
    arms = (
        "select customer_id, journey.arm_of('rescue', 'reminder', customer_id,"
        " '[{\"variant\": \"one\", \"up_to\": 0.5}, {\"variant\": \"other\", \"up_to\": 1}]') from journey.step_due"
    )
    assert shop.found("select customer_id, variant from journey.step_due") == shop.found(arms)


def test_a_name_may_come_back(shop: Shop) -> None:
    """Renamed and renamed back: one campaign all the time, under the name that its file has now."""
    shop.carts("ann")
    shop.plan("rescue")
    shop.move("rescue", "nudge")
    shop.opened()
    shop.move("nudge", "rescue")
    shop.plan("rescue", 1)
    assert {named for names in shop.names().values() for named in names} == {"rescue"}
    assert len(sides(shop)) == 1


def test_renamed_from_may_go_once_every_installation_has_seen_it(shop: Shop) -> None:
    """The warehouse remembers the first name: without the words people stay on their side, and none begins again."""
    shop.plan("rescue")
    shop.move("rescue", "nudge", holdout=0.3)
    shop.opened()
    shop.write("nudge", holdout=0.3)
    shop.carts(*PEOPLE)
    shop.plan("nudge", 1)
    assert sides(shop) == shop.found(
        "select customer_id, journey.ratio_of('holdout/rescue/' || customer_id) < 0.3 from journey.enrollment"
    )


def test_a_process_with_the_old_file_plans_nothing(shop: Shop, tmp_path: Path) -> None:
    """One that opens later is refused in a line; one that had begun before stops at its next step."""
    shop.carts("ann")
    shop.plan("rescue")
    old = Shop(shop.url, shop.warehouse, tmp_path / "old")
    old.folder.mkdir()
    old.write("rescue", holdout=0.3)
    begun = old.opened().campaign("rescue")
    shop.move("rescue", "nudge")
    shop.opened()
    with pytest.raises(CampaignError, match="campaign 'rescue' is called 'nudge' now"):
        old.plan("rescue", 1)
    with pytest.raises(CampaignError, match="campaign 'rescue' is called 'nudge' now"):
        enroll(shop.warehouse, begun, NOON + HOUR)
    assert {named for names in shop.names().values() for named in names} == {"nudge"}


def test_a_pause_by_a_worker_that_began_before_holds_for_the_new_name(shop: Shop) -> None:
    """Its breaker trips under the old name: the campaign is stopped as it is called now."""
    shop.carts("ann")
    shop.plan("rescue")
    shop.move("rescue", "nudge")
    shop.opened()
    delivery.pause(shop.warehouse, "campaign:rescue", "breaker", NOON, "bounces")
    assert shop.found("select scope from delivery.pause") == {("campaign:nudge",)}
    with shop.warehouse.connect() as connection:
        assert [one.scope for one in delivery.pauses(connection, "rescue")] == ["campaign:nudge"]


def test_an_offer_under_the_old_name_counts(shop: Shop) -> None:
    """The shop still names the campaign by its former name: the offer's redemption ends the series, and is its goal."""
    shop.carts("ann")
    text = FILE.replace("exit_on: [order", "exit_on: [offer_used").replace("event: order", "event: offer_used")
    (shop.folder / "rescue.yaml").write_text(text.format(name="rescue", holdout=0))
    shop.plan("rescue")
    shop.send()
    (shop.folder / "rescue.yaml").unlink()
    (shop.folder / "nudge.yaml").write_text(text.format(name="nudge", holdout=0) + "renamed_from: rescue\n")
    with shop.warehouse.begin() as connection:
        insert(
            connection, "source.offer", offer_code="X", customer_id="ann", campaign="rescue", valid_from=NOON,
            valid_until=NOON + 99 * HOUR, redeemed_at=NOON + HOUR, load_id=load(connection),
        )  # fmt: skip
    shop.plan("nudge", 2)
    assert shop.found("select end_reason from journey.enrollment") == {("converted",)}
    shop.opened().roll_up(NOON + 3 * HOUR)
    query = "select accepted_converters from kpi.campaign_summary where step is null and accepted_converters > 0"
    assert shop.found(query) == {(1,)}


def problems(shop: Shop) -> str:
    _, errors = read_campaigns(shop.folder)
    return "\n".join(map(str, errors))


def test_a_name_means_one_campaign(shop: Shop) -> None:
    """A former name with a file of its own, two files with one former name, and the own name are refused."""
    shop.write("nudge", "renamed_from: rescue")
    assert problems(shop) == (
        "nudge.yaml:15: the campaign 'rescue' has a file of its own: remove rescue.yaml, or write another name here"
    )
    (shop.folder / "rescue.yaml").unlink()
    shop.write("poke", "renamed_from: [older, rescue]")
    assert "poke.yaml:15: 'rescue' is what nudge.yaml says it was called before" in problems(shop)
    (shop.folder / "poke.yaml").unlink()
    shop.write("nudge", "renamed_from: nudge")
    assert problems(shop) == "nudge.yaml:15: 'renamed_from': 'nudge' is what it is called now: take it out"


def test_two_campaigns_with_series_do_not_become_one(shop: Shop) -> None:
    """The file was renamed and planned before anybody wrote `renamed_from`: the line says what to do, nothing moves."""
    shop.carts("ann")
    shop.plan("rescue")
    (shop.folder / "rescue.yaml").unlink()
    shop.write("nudge")
    shop.plan("nudge", 1)
    before = shop.names()
    shop.write("nudge", "renamed_from: rescue")
    with pytest.raises(CampaignError, match="'rescue' and 'nudge' both have series already"):
        shop.plan("nudge", 2)
    assert shop.names() == before


def test_a_campaign_that_was_published_alone_takes_over_the_series(shop: Shop) -> None:
    """Approved or planned without anybody in it, a new name is free: `renamed_from` may be written later."""
    shop.plan("rescue")
    shop.carts("ann")
    shop.plan("rescue", 1)
    (shop.folder / "rescue.yaml").unlink()
    shop.write("nudge")
    shop.opened().approve("nudge", "lead", NOON)
    delivery.pause(shop.warehouse, "campaign:nudge", "dag", NOON)
    shop.write("nudge", "renamed_from: rescue")
    shop.plan("nudge", 2)
    assert shop.found("select customer_id, campaign from journey.enrollment") == {("ann", "nudge")}
    assert shop.found("select campaign from journey.campaign") == {("nudge",)}


def test_a_renaming_is_all_or_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before its end, nothing has another name; the next opening does it."""
    shop.carts("ann")
    shop.plan("rescue")
    before = shop.names()
    shop.move("rescue", "nudge")

    def die(*_arguments: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as dying:
        dying.setattr(kpis, "rename_campaign", die)
        with pytest.raises(RuntimeError):
            shop.opened()
    assert shop.names() == before
    shop.opened()
    assert {named for names in shop.names().values() for named in names} == {"nudge"}


def test_an_approval_goes_with_the_campaign(shop: Shop) -> None:
    """In live a new name alone needs no new approval: planning goes on, and planned mails may go."""
    shop.carts("ann")
    system = shop.opened()
    first = system.approve("rescue", "lead", NOON)
    shop.plan("rescue")
    shop.move("rescue", "nudge", holdout=0.3)
    moved = shop.opened()
    assert moved.definition("nudge").md5 == first.definition_md5
    with moved.engine.connect() as connection:
        approved = delivery.approved_definition(connection, "nudge")
    assert approved is not None
    assert (approved.campaign.campaign, approved.md5) == ("nudge", first.definition_md5)
    assert moved.approve("nudge", "lead", NOON).is_new is False


def lost(shop: Shop) -> list[str]:
    return shop.opened().lost_campaigns()


def said(shop: Shop) -> str:
    try:
        shop.opened().require_not_stopped(NOON, since=NOON)
    except SendingStopped as stopped:
        return str(stopped)
    return ""


def test_a_file_that_is_gone_is_named_until_it_is_back(shop: Shop) -> None:
    """With series it is named with what is left, also when all of them ended; without any it is not missed."""
    shop.write("empty")
    shop.plan("empty", -5)
    (shop.folder / "empty.yaml").unlink()
    assert lost(shop) == []
    shop.carts("ann", "bob")
    shop.plan("rescue")
    (shop.folder / "rescue.yaml").rename(shop.folder / "aside.txt")
    mails = len(shop.found("select customer_id from message.message"))
    line = (
        f"campaign rescue has no file any more, and 2 running series and {mails} planned mails: put the file back, "
        "write `renamed_from: rescue` into the file that it is now, or run `campaign retire rescue --because …`"
    )
    assert lost(shop) == [line]
    assert line in said(shop)
    with shop.warehouse.begin() as connection:
        connection.exec_driver_sql("update journey.enrollment set ended_at = now(), end_reason = 'completed'")
    assert len(lost(shop)) == 1
    (shop.folder / "aside.txt").rename(shop.folder / "rescue.yaml")
    assert lost(shop) == []


def test_a_broken_file_is_not_a_lost_one(shop: Shop) -> None:
    """It is said elsewhere that it is broken; its campaign is not gone."""
    shop.carts("ann")
    shop.plan("rescue")
    (shop.folder / "rescue.yaml").write_text("campaign: [")
    assert lost(shop) == []


def test_retiring_ends_everything_with_a_reason(shop: Shop) -> None:
    """Series, awaited steps, a decision without its mail and planned mails: each ends as `campaign_retired`, once."""
    shop.carts("ann", "bob")
    shop.write("rescue")
    shop.plan("rescue")
    shop.carts("cleo")
    system = shop.opened()
    at = NOON + HOUR
    for step in (system.refresh_segment, system.enroll, system.advance, system.decide):
        step("rescue", at, at)  # and died before its mails were written
    (shop.folder / "rescue.yaml").unlink()
    done = shop.opened().retire("rescue", "the spring is over", NOON + 2 * HOUR)
    assert (done.series, done.steps, done.mails) == (3, 3, 2)
    assert shop.found("select distinct end_reason from journey.enrollment") == {("campaign_retired",)}
    assert shop.found("select customer_id, step, outcome, reason from decision.decision") == {
        (who, *what)
        for who in ("ann", "bob", "cleo")
        for what in (("reminder", "send", "eligible"), ("doubts", "skip", "campaign_retired"))
    }
    assert shop.found("select customer_id, step, state, reason from message.message") == {
        (who, "reminder", "cancelled", "campaign_retired") for who in ("ann", "bob", "cleo")
    }
    assert (lost(shop), said(shop)) == ([], "")
    shop.opened().roll_up(NOON + 3 * HOUR)
    refused = "select step, reason, sum(steps) from kpi.refused_daily group by step, reason"
    assert shop.found(refused) == {("reminder", "campaign_retired", 3), ("doubts", "campaign_retired", 3)}
    with pytest.raises(CampaignError, match="was retired before"):
        shop.opened().retire("rescue", "again", NOON + 3 * HOUR)


def test_a_retired_campaign_plans_nothing_until_it_has_another_name(shop: Shop) -> None:
    """Its file may be there again: planning is refused and the list says so. A new name goes on with its numbers."""
    shop.carts("ann")
    shop.plan("rescue")
    shop.opened().retire("rescue", "a pause", NOON + HOUR)
    with pytest.raises(CampaignError, match="campaign 'rescue' was retired at 2026-03-02 13:00 UTC"):
        shop.plan("rescue", 2)
    assert len(lost(shop)) == 1
    assert "nothing is planned from its file" in lost(shop)[0]
    shop.move("rescue", "nudge")
    shop.plan("nudge", 3)
    assert lost(shop) == []
    assert shop.found("select campaign, end_reason from journey.enrollment") == {("nudge", "campaign_retired")}


@pytest.fixture
def printed_by(command: Command, shop: Shop) -> Callable[..., tuple[int, str]]:
    """Run the command line on the shop; returns status and all that was printed, without line breaks."""
    command.with_settings(LIFECYCLE_CAMPAIGNS_DIR=str(shop.folder))

    def run(*arguments: str) -> tuple[int, str]:
        status, out, err = command(*arguments)
        return status, " ".join((out + err).split())

    return run


def test_the_commands_speak_of_names(printed_by: Callable[..., tuple[int, str]], shop: Shop) -> None:
    """`list` and `status` name a lost file, `retire` ends it, former names are answered with the present one."""
    shop.carts("ann")
    shop.plan("rescue")
    shop.move("rescue", "nudge")
    for verb in (("pause",), ("resume",), ("approve", "--by", "x"), ("retire", "--because", "x")):
        status, printed = printed_by("campaign", verb[0], "rescue", *verb[1:])
        assert (status, "campaign 'rescue' is called 'nudge' now" in printed) == (1, True), verb
    assert "enrolled" in printed_by("why", "ann", "--campaign", "rescue")[1]
    (shop.folder / "nudge.yaml").unlink()
    assert "campaign nudge has no file any more" in printed_by("campaign", "list")[1]
    assert "campaign nudge has no file any more" in printed_by("sending", "status")[1]
    assert printed_by("campaign", "retire", "nugde", "--because", "x")[1].endswith("did you mean 'nudge'?")
    status, printed = printed_by("campaign", "retire", "nudge", "--because", "the spring is over")
    assert (status, printed.startswith("campaign nudge is retired: 1 series ended")) == (0, True)
    assert "nudge" not in printed_by("campaign", "list")[1]


def test_a_list_without_a_warehouse_lists_files(
    printed_by: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an address only files are read; with one that does not answer, a line says what is not known."""
    monkeypatch.delenv("LIFECYCLE_DATABASE_URL")
    status, printed = printed_by("campaign", "list")
    assert (status, "rescue" in printed) == (0, True)
    monkeypatch.setenv("LIFECYCLE_DATABASE_URL", "postgresql://127.0.0.1:9/none")
    status, printed = printed_by("campaign", "list")
    assert (status, "campaigns without a file are not known" in printed) == (0, True)


def test_the_import_page_names_a_lost_file(shop: Shop) -> None:
    """The dag-processor asks by the address, and an address without an answer says nothing and breaks nothing."""
    shop.carts("ann")
    shop.plan("rescue")
    (found,) = campaign_names.lost_by_url(shop.url, [], 2)
    assert found.startswith("campaign rescue has no file any more")
    assert campaign_names.lost_by_url("postgresql://127.0.0.1:9/none", [], 2) == []



def test_other_parameters_of_the_segment_begin_nothing_anew(shop: Shop) -> None:
    """The same cart under another `idle_minutes` is the same occurrence: its series goes on, and no second one begins,
    though the customer may enter again at once."""
    shop.carts("ann")
    shop.plan("rescue")
    file = shop.folder / "rescue.yaml"
    file.write_text(file.read_text().replace("idle_minutes: 60", "idle_minutes: 90"))
    for hours in (1, 23, 24, 30):
        shop.plan("rescue", hours)
        shop.send()
    assert shop.found("select customer_id, occurrence like 'ann@%' from journey.enrollment") == {("ann", True)}
    assert shop.found("select count(*) from journey.enrollment") == {(1,)}
    assert {step for (step,) in shop.found("select step from decision.decision")} == {"reminder", "doubts"}


@pytest.mark.parametrize("clause", ["when: {opened: rminder}", "unless: {sent: gone}"])
def test_a_condition_on_a_step_that_is_gone_is_refused_by_the_file(shop: Shop, clause: str) -> None:
    """`when` and `unless` name earlier steps of the file: the line says which there are."""
    file = shop.folder / "rescue.yaml"
    template = "template: cart_abandoned/doubts"
    file.write_text(file.read_text().replace(template, f"{template}, {clause}"))
    assert "takes the name of an earlier step, not" in problems(shop)
    assert problems(shop).endswith("choose one of reminder")


def test_every_table_that_names_a_campaign_is_renamed(warehouse: Engine) -> None:
    """A table that a later stage adds cannot keep the former name: its stage's rename_campaign has to name it."""
    query = """
    select pg_namespace.nspname, pg_class.relname
    from pg_attribute
    inner join pg_class on pg_attribute.attrelid = pg_class.oid
    inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
    where
        pg_attribute.attname = 'campaign'
        and pg_class.relkind in ('r', 'p')
        and not pg_class.relispartition
        and pg_namespace.nspname in ('journey', 'decision', 'message', 'delivery', 'event', 'kpi')
    """
    with warehouse.connect() as connection:
        tables = {f"{schema}.{table}" for schema, table in rows(connection, query)}
    texts = "\n".join(file.read_text() for file in SQL_FOLDER.glob("*/rename_campaign*.sql"))
    assert {table for table in tables if table not in texts} == set()
