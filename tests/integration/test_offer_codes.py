"""Codes of offers: one for each mail, kept with it, shown until an end that holds, told to the shop, taken back."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import NOON, order, rows
from lifecycle_mail import delivery
from lifecycle_mail.campaigns import Campaign
from lifecycle_mail.errors import SettingsError
from lifecycle_mail.messages import OfferExport, erase_codes, export_codes, load_shell, offer_export, writing
from lifecycle_mail.messages.codes import renew_codes
from lifecycle_mail.messages.packing import packer
from lifecycle_mail.settings import Settings
from planning import TOPICS, campaign_of, members, plan, topic_of
from running_services import API_KEY, Service

HOUR = timedelta(hours=1)
OFFER = {"percent": 10, "valid_hours": 24}
INCENTIVE = {"step": "incentive", "after_hours": 0, "template": "cart_abandoned/incentive", "offer": OFFER}
CODE = re.compile(r"[CDFHJKMNPRTWXY47]{5}(-[CDFHJKMNPRTWXY47]{5}){3}")


def offering(**changes: Any) -> Campaign:
    return campaign_of(**{"steps": [INCENTIVE], **changes})


def codes(engine: Engine) -> list[tuple[Any, ...]]:
    """(customer, step, code, valid_from, valid_until) of every code."""
    with engine.connect() as connection:
        return rows(
            connection,
            "select customer_id, step, code, valid_from, valid_until from message.offer_code order by 1, 2",
        )


def change(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(statement))


def told(export: OfferExport) -> list[dict[str, str]]:
    assert export.file is not None
    with open(export.file, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def settings(simulator: Service, warehouse: Engine) -> Settings:
    simulator.client.post("/simulator/reset").raise_for_status()
    simulator.client.post("/simulator/faults", json={"delay_ms": 0, "faults": []}).raise_for_status()
    return Settings(
        database_url=warehouse.url.render_as_string(hide_password=False),
        mode="simulate",
        sendgrid_api_key=API_KEY,
        sendgrid_base_url=simulator.url,
    )


def deliver(engine: Engine, settings: Settings, now: datetime = NOON) -> delivery.DeliveryReport:
    topics = {**TOPICS, "reminders": topic_of()}
    return delivery.deliver(engine, settings, topics, clock=lambda: now, worker="test", sleep=lambda seconds: None)


def shown(engine: Engine) -> dict[tuple[str, str], str]:
    """What the text part of each sent mail says of its offer, by customer and step."""
    with engine.connect() as connection:
        reading = "select customer_id, step, shell_id, slots from message.message where slots is not null"
        sent = rows(connection, reading)
        found = {}
        for customer_id, step, shell_id, slots in sent:
            shell = load_shell(connection, shell_id)
            token = shell.slot_tokens["text.offer_code"]
            found[customer_id, step] = packer(shell.slots_dictionary).unpack(bytes(slots))[token]
    return found


def test_each_mail_with_an_offer_has_one_code(warehouse: Engine) -> None:
    """Mails with an offer have a code each, however often they are planned; the end counts from the last moment that
    the mail may go. Held-out people, and the variant without an offer, have none."""
    names = [f"c{number}" for number in range(60)]
    members(warehouse, *names)
    campaign = offering(holdout=0.3, steps=[{**INCENTIVE, "variants": {"with_offer": 0.5, "without_offer": 0.5}}])
    plan(warehouse, campaign, topic_of())
    first = codes(warehouse)
    plan(warehouse, campaign, topic_of())
    assert codes(warehouse) == first
    assert all(CODE.fullmatch(code) for _, _, code, _, _ in first)
    assert len({code for _, _, code, _, _ in first}) == len(first)
    assert {(begins, ends) for *_, begins, ends in first} == {(NOON, NOON + 6 * HOUR + 24 * HOUR)}
    with warehouse.connect() as connection:
        mailed = rows(connection, "select customer_id, step from message.message where variant = 'with_offer'")
        others = rows(connection, "select count(*) from message.message where variant = 'without_offer'")
    assert Counter((one, step) for one, step, *_ in first) == Counter(map(tuple, mailed))
    assert others[0][0] > 0
    assert len(first) + others[0][0] < 60


def test_a_hundred_thousand_codes_differ(warehouse: Engine) -> None:
    """Codes are random, so that none follows from another or from an id."""
    with warehouse.connect() as connection:
        connection.execute(
            sa.text("create temporary table made as select message.new_code() as code from generate_series(1, 100000)")
        )
        counted = "select count(distinct code), min(length(code)), max(length(code)) from made"
        assert rows(connection, counted) == [(100_000, 23, 23)]
        signs = "select distinct regexp_split_to_table(code, '') from (select code from made limit 1000) as m"
        assert {sign for (sign,) in rows(connection, signs)} == set("CDFHJKMNPRTWXY47-")


def test_a_crash_leaves_neither_mail_nor_code(warehouse: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail and code are written in one transaction: after a crash in between, the next run writes both."""
    members(warehouse, "ann")

    def crash(*given: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(writing, "give_codes", crash)
        with pytest.raises(KeyboardInterrupt):
            plan(warehouse, offering(), topic_of())
    with warehouse.connect() as connection:
        assert rows(connection, "select count(*) from message.message") == [(0,)]
    plan(warehouse, offering(), topic_of())
    assert [(one, step) for one, step, *_ in codes(warehouse)] == [("ann", "incentive")]


def test_two_workers_show_each_recipient_their_own_code(warehouse: Engine, settings: Settings) -> None:
    """Each mail shows its code and its end in the recipient's zone, whichever worker sends it and however late."""
    names = [f"c{number}" for number in range(40)]
    members(warehouse, *names, timezone="Europe/Berlin")
    plan(warehouse, offering(), topic_of())
    late = NOON + 5 * HOUR
    with ThreadPoolExecutor(2) as workers:
        list(workers.map(lambda _: deliver(warehouse, settings, late), range(2)))
    ends = f"{NOON + 31 * HOUR:%B} {(NOON + 31 * HOUR).day}, 7:00\u202fPM"
    expected = {(one, step): f"Your code: {code}\nValid until {ends}" for one, step, code, *_ in codes(warehouse)}
    found = shown(warehouse)
    assert len(found) == 40
    assert {key: text.rpartition(" ")[0] for key, text in found.items()} == expected


def test_a_reminder_shows_the_code_it_reminds_of(warehouse: Engine, settings: Settings) -> None:
    """The mail of `offer: {of: STEP}` shows that step's code and end, gives none, and does not go after the end."""
    again = {**INCENTIVE, "step": "again", "after_hours": 6, "offer": {"of": "incentive"}}
    last = {**INCENTIVE, "step": "last", "after_hours": 40, "offer": {"of": "again"}}
    campaign = offering(steps=[INCENTIVE, again, last])
    members(warehouse, "ann")
    for hours in (0, 6, 40):
        plan(warehouse, campaign, topic_of(), NOON + hours * HOUR)
        deliver(warehouse, settings, NOON + hours * HOUR)
    found = shown(warehouse)
    assert found["ann", "again"] == found["ann", "incentive"]
    assert [step for _, step, *_ in codes(warehouse)] == ["incentive"]
    with warehouse.connect() as connection:
        ended = rows(connection, "select state, reason from message.message where step = 'last'")
    assert ended == [("cancelled", "offer_ended")]


def test_a_mail_never_promises_what_was_not_given(warehouse: Engine, settings: Settings) -> None:
    """A mail whose code is missing is cancelled, and the others of its batch go."""
    members(warehouse, "ann", "bob")
    plan(warehouse, offering(), topic_of())
    change(warehouse, "delete from message.offer_code where customer_id = 'ann'")
    deliver(warehouse, settings)
    with warehouse.connect() as connection:
        found = rows(connection, "select customer_id, state, reason from message.message order by 1")
    assert found == [("ann", "cancelled", "offer_not_given"), ("bob", "accepted", None)]


def test_another_offer_gives_planned_codes_its_terms(warehouse: Engine, tmp_path: Path) -> None:
    """If planned mails get another offer, their codes say what the mails say, and the shop is told again."""
    members(warehouse, "ann")
    plan(warehouse, offering(), topic_of())
    before = told(export_codes(warehouse, tmp_path, NOON))
    change(warehouse, """update message.shell set offer = '{"percent": 15, "valid_hours": 48}'""")
    with warehouse.begin() as connection:
        renew_codes(connection, rows(connection, "select shell_id from message.shell")[0][0])
    after = told(export_codes(warehouse, tmp_path, NOON + HOUR))
    assert after == [{**before[0], "percent": "15", "valid_until": _text(NOON + 54 * HOUR)}]


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def test_the_shop_is_told_once_what_is_new(warehouse: Engine, tmp_path: Path) -> None:
    """A file has the columns of the feed; what was told is not told again, unless it is asked for."""
    members(warehouse, "ann", "bob")
    plan(warehouse, offering(), topic_of())
    export = export_codes(warehouse, tmp_path, NOON)
    expected = [
        {"offer_code": code, "customer_id": one, "campaign": "cart_abandoned", "kind": "percent", "percent": "10",
         "amount": "", "currency": "", "valid_from": _text(begins), "valid_until": _text(ends)}
        for one, _, code, begins, ends in sorted(codes(warehouse), key=lambda row: row[2])
    ]  # fmt: skip
    assert told(export) == expected
    assert export_codes(warehouse, tmp_path, NOON) == OfferExport(None, 0)
    assert told(export_codes(warehouse, tmp_path, NOON, since=NOON)) == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"offer_codes-{NOON:%Y%m%dT%H%M%S}000000Z-1.csv", f"offer_codes-{NOON:%Y%m%dT%H%M%S}000000Z.csv"
    ]  # fmt: skip


def test_codes_of_cancelled_mails_are_taken_back(warehouse: Engine, tmp_path: Path) -> None:
    """A cancelled mail's code ends when the shop learns of it; one that it never knew is not told, and one whose mail
    turns out to be sent is valid again."""
    members(warehouse, "ann", "bob")
    plan(warehouse, offering(), topic_of())
    first = {row["customer_id"]: row for row in told(export_codes(warehouse, tmp_path, NOON))}
    members(warehouse, "cat")
    plan(warehouse, offering(), topic_of(), NOON + HOUR)
    change(warehouse, "update message.message set state = 'cancelled' where customer_id in ('ann', 'cat')")
    assert told(export_codes(warehouse, tmp_path, NOON + 2 * HOUR)) == [
        {**first["ann"], "valid_until": _text(NOON + 2 * HOUR)}
    ]
    change(warehouse, "update message.message set state = 'accepted' where customer_id in ('ann', 'cat')")
    again = {row["customer_id"]: row for row in told(export_codes(warehouse, tmp_path, NOON + 3 * HOUR))}
    assert again.keys() == {"ann", "cat"}
    assert again["ann"] == first["ann"]


def test_a_killed_export_loses_nothing(warehouse: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while it writes, an export leaves no file; killed before its commit, the next one tells the same."""
    members(warehouse, "ann")
    plan(warehouse, offering(), topic_of())
    for place in ("replace", "fsync"):
        with monkeypatch.context() as broken:
            broken.setattr(offer_export.os, place, _killed)
            with pytest.raises(KeyboardInterrupt):
                export_codes(warehouse, tmp_path, NOON)
        assert list(tmp_path.glob("*.csv")) == []
    with monkeypatch.context() as broken:
        broken.setattr(offer_export, "_keep_name", _killed)
        with pytest.raises(KeyboardInterrupt):
            export_codes(warehouse, tmp_path, NOON)
    (whole,) = tmp_path.glob("*.csv")
    assert told(export_codes(warehouse, tmp_path, NOON + HOUR)) == told(OfferExport(whole, 1))


def _killed(*given: Any) -> None:
    raise KeyboardInterrupt


def test_a_code_given_during_an_export_waits_for_the_next(warehouse: Engine, tmp_path: Path) -> None:
    """What is planned while a file is written is not noted as told."""
    members(warehouse, "ann")
    plan(warehouse, offering(), topic_of())
    with _while_writing(lambda: (members(warehouse, "bob"), plan(warehouse, offering(), topic_of(), NOON + HOUR))):
        assert [row["customer_id"] for row in told(export_codes(warehouse, tmp_path, NOON))] == ["ann"]
    assert [row["customer_id"] for row in told(export_codes(warehouse, tmp_path, NOON))] == ["bob"]


@contextmanager
def _while_writing(act: Any) -> Iterator[None]:
    """Let `act` happen after an export has written its file and before it commits."""
    kept = offer_export._keep_name

    def then(folder: Path) -> None:
        kept(folder)
        act()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(offer_export, "_keep_name", then)
        yield


def test_a_folder_that_is_not_there_is_refused(warehouse: Engine, tmp_path: Path) -> None:
    """Nothing counts as told then."""
    members(warehouse, "ann")
    plan(warehouse, offering(), topic_of())
    with pytest.raises(SettingsError, match="cannot be written"):
        export_codes(warehouse, tmp_path / "absent", NOON)
    assert export_codes(warehouse, tmp_path, NOON).codes == 1


def test_a_shared_code_is_one_row(warehouse: Engine, tmp_path: Path) -> None:
    """All mails of a step with `code` show it, and the shop is told it once, from the first mail to the last end."""
    members(warehouse, "ann", "bob")
    offer = {"free_shipping": True, "valid_hours": 24, "code": "Spring"}
    plan(warehouse, offering(steps=[{**INCENTIVE, "offer": offer}]), topic_of())
    assert [(one, code) for one, _, code, *_ in codes(warehouse)] == [("ann", "Spring"), ("bob", "Spring")]
    assert told(export_codes(warehouse, tmp_path, NOON)) == [
        {"offer_code": "Spring", "customer_id": "", "campaign": "cart_abandoned", "kind": "free_shipping",
         "percent": "", "amount": "", "currency": "", "valid_from": _text(NOON), "valid_until": _text(NOON + 30 * HOUR)}
    ]  # fmt: skip


def test_the_codes_of_an_erased_person_are_taken_back(warehouse: Engine, tmp_path: Path) -> None:
    """The shop is told that the code has ended, and no more whose it was."""
    members(warehouse, "ann")
    plan(warehouse, offering(), topic_of())
    (before,) = told(export_codes(warehouse, tmp_path, NOON))
    change(warehouse, "update source.customer set erased_at = created_at, email = null")
    with warehouse.begin() as connection:
        erase_codes(connection, "ann", NOON + HOUR)
    assert told(export_codes(warehouse, tmp_path, NOON + HOUR)) == [
        {**before, "customer_id": "", "valid_until": _text(NOON + HOUR)}
    ]


def test_an_order_with_the_code_ends_the_series(warehouse: Engine, settings: Settings) -> None:
    """A code that an order names in small letters is used, by any customer: the series that gave it has reached
    its goal. A cancelled order uses none."""
    later = {**INCENTIVE, "step": "later", "after_hours": 48, "offer": {"of": "incentive"}}
    goal = {"event": "offer_used", "within_days": 5}
    campaign = offering(steps=[INCENTIVE, later], exit_on=["offer_used"], goal=goal)
    members(warehouse, "ann", "bob")
    plan(warehouse, campaign, topic_of())
    deliver(warehouse, settings)
    own = {one: code for one, _, code, *_ in codes(warehouse)}
    with warehouse.begin() as connection:
        order(connection, "o1", "bob", NOON + HOUR, offer_code=own["ann"].lower())
        order(connection, "o2", "ann", NOON + 2 * HOUR, offer_code=own["bob"], status="cancelled")
    with warehouse.connect() as connection:
        used = rows(connection, "select customer_id, redeemed_by, order_id, redeemed_at from message.redeemed_offer")
    assert used == [("ann", "bob", "o1", NOON + HOUR)]
    plan(warehouse, campaign, topic_of(), NOON + 3 * HOUR)
    with warehouse.connect() as connection:
        ended = rows(connection, "select customer_id, end_reason from journey.enrollment order by 1")
    assert ended == [("ann", "converted"), ("bob", None)]
