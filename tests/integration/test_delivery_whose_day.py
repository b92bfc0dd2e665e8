"""Who has a mailbox's day: as many mails as the cap in each of its zones, the highest priority first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from builders import order
from lifecycle_mail import delivery
from lifecycle_mail.errors import DeliveryRefused
from lifecycle_mail.sendgrid.answers import NothingSent, RecipientsRefused
from mailboxes import BOX, Killed, Mailboxes
from planning import approved, topic_of

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)


def at(hours: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hours)


def window(opens: str, closes: str = "20:00") -> dict[str, Any]:
    return {"send_window": {"from": opens, "to": closes}}


@pytest.fixture
def box(warehouse: Engine) -> Mailboxes:
    """Each mailbox gets one mail a day."""
    return Mailboxes(warehouse)


# T7: the cap, as each zone sees it


def test_two_customers_a_day_apart_share_the_days_of_both(box: Mailboxes) -> None:
    """Kiritimati is a day ahead of Honolulu, at the same time of day. The mailbox gets one mail in a day of theirs."""
    box.person("kir", "Pacific/Kiritimati")
    box.person("hon", "Pacific/Honolulu")
    box.plan("first", 50, at(12), "kir")
    box.plan("second", 50, at(12), "hon")
    box.plan("third", 50, at(12), "kir")
    assert len(box.deliver(at(12))) == 1
    for early in (12.1, 17, 22, 33.9):
        assert box.deliver(at(early)) == []
    assert len(box.deliver(at(34))) == 1  # midnight of both


def test_a_zone_that_a_feed_changes_gives_no_second_day(box: Mailboxes) -> None:
    """Mailed in the evening of Tokyo, then said to live in New York, with morning there: the day of Tokyo counts, and
    so does that of New York, in which the first mail went."""
    box.person("ann", "Asia/Tokyo")
    box.plan("first", 50, at(14), "ann")
    box.plan("second", 50, at(14), "ann", max_lateness_hours=90)
    assert len(box.deliver(at(14))) == 1  # 23:00 in Tokyo, 09:00 in New York
    box.run("update source.customer set timezone = 'America/New_York'")
    assert box.deliver(at(15.5)) == []  # the next day in Tokyo, the same one in New York
    assert box.deliver(at(28.9)) == []
    assert len(box.deliver(at(29))) == 1


def test_the_day_of_a_former_zone_counts_for_the_mails_that_went_in_it(box: Mailboxes) -> None:
    """From New York to Tokyo: in Tokyo a new day begins at once, and in New York the old one goes on."""
    box.person("ann", "America/New_York")
    box.plan("first", 50, at(14), "ann")
    box.plan("second", 50, at(14), "ann", max_lateness_hours=90)
    assert len(box.deliver(at(14))) == 1
    box.run("update source.customer set timezone = 'Asia/Tokyo'")
    assert box.deliver(at(16)) == []
    assert len(box.deliver(at(29))) == 1


def test_a_week_is_that_of_each_zone(warehouse: Engine) -> None:
    """With one mail per week: Monday begins in Kiritimati on Sunday morning of UTC, and in Honolulu a day later."""
    box = Mailboxes(warehouse, {"reminders": topic_of(cap={"mails": 1, "per": "week"})})
    box.person("kir", "Pacific/Kiritimati")
    box.person("hon", "Pacific/Honolulu")
    box.plan("first", 50, at(120), "kir", max_lateness_hours=200)
    box.plan("second", 50, at(120), "hon", max_lateness_hours=200)
    assert len(box.deliver(at(120))) == 1  # Saturday
    assert box.deliver(at(6 * 24 + 12)) == []  # Monday in Kiritimati alone
    assert box.deliver(at(7 * 24 + 9)) == []
    assert len(box.deliver(at(7 * 24 + 10))) == 1


def test_a_customer_without_a_zone_has_the_days_of_the_whole_country(box: Mailboxes) -> None:
    """Of a customer of the United States it is not known whose midnight counts: the second mail waits for the last."""
    box.person("ann", None, country="US")
    box.plan("first", 50, at(14), "ann")
    box.plan("second", 50, at(14), "ann", max_lateness_hours=90)
    assert len(box.deliver(at(14))) == 1
    assert box.deliver(at(33.9)) == []
    assert len(box.deliver(at(34))) == 1  # midnight in Honolulu


def test_workers_meet_over_midnight_of_utc(box: Mailboxes) -> None:
    """One claims a minute before midnight and dies, one a minute after it: in New York it is one evening."""
    box.person("ann", "America/New_York")
    box.plan("first", 50, at(23), "ann")
    box.plan("second", 50, at(23), "ann")
    box.post.answers.append("after")
    with pytest.raises(Killed):
        box.deliver(at(24) - timedelta(minutes=1))
    assert box.deliver(at(24) + timedelta(minutes=1)) == []
    assert len(box.post.taken) == 1


# T8: the highest priority that can still go has the day


@pytest.mark.parametrize("order_of_planning", ["lower first", "higher first"])
def test_the_day_goes_to_the_higher_one_whose_hour_comes_later(box: Mailboxes, order_of_planning: str) -> None:
    """Replenishment (60) may go from eight on, the birthday mail (70) from nine: at eight the first one waits."""
    box.person("ann")
    plans = [("replenishment", 60, window("08:00")), ("birthday", 70, window("09:00"))]
    for name, priority, hours in plans if order_of_planning == "lower first" else plans[::-1]:
        box.plan(name, priority, at(5), "ann", **hours)
    assert box.deliver(at(8)) == []
    assert box.states()["replenishment"] == ("planned", "lower_priority")
    assert box.deliver(at(9)) == ["birthday"]
    assert box.deliver(at(10)) == []
    assert box.states()["replenishment"] == ("planned", "lower_priority")
    assert box.deliver(at(32)) == ["replenishment"]


def test_a_lower_one_that_would_be_stale_tomorrow_waits_too(box: Mailboxes) -> None:
    """It ends as lower_priority if the higher one goes, however it was planned."""
    box.person("ann")
    box.plan("birthday", 70, at(5), "ann", **window("09:00"))
    box.plan("replenishment", 60, at(5), "ann", max_lateness_hours=4, **window("08:00"))
    assert [box.deliver(at(hours)) for hours in (8, 9, 12, 13)] == [[], ["birthday"], [], []]
    assert box.states()["replenishment"] == ("cancelled", "lower_priority")


def _withdraw(box: Mailboxes) -> None:
    box.run("update source.customer set permission = 'withdrawn' where customer_id = 'higher'")


def _suppress(box: Mailboxes) -> None:
    box.run(
        "insert into event.suppression (address, scope, reason, source, suppressed_at)"
        " values (:box, 'topic:offers', 'unsubscribed', 'event', :at)", box=BOX, at=at(8),
    )  # fmt: skip


def _buy(box: Mailboxes) -> None:
    with box.warehouse.begin() as connection:
        order(connection, "o1", "higher", at(8.01))


def _erase(box: Mailboxes) -> None:
    box.run("update source.customer set erased_at = :at where customer_id = 'higher'", at=at(8))


def _pause(box: Mailboxes) -> None:
    delivery.pause(box.warehouse, "campaign:higher", "operator", at(8))


def _trip(box: Mailboxes) -> None:
    delivery.pause(box.warehouse, "campaign:higher", "breaker", at(8))


def _cancel(box: Mailboxes) -> None:
    box.run("update message.message set state = 'cancelled', reason = 'x' where campaign = 'higher'")


def _retire(box: Mailboxes) -> None:
    box.run("update installation.topic set is_retired = true where topic = 'offers'")


@pytest.mark.parametrize("ended_by", [_withdraw, _suppress, _buy, _erase, _pause, _trip, _cancel, _retire])
@pytest.mark.parametrize("is_early", [True, False])
def test_the_lower_one_goes_after_all_if_the_higher_one_cannot(
    warehouse: Engine, ended_by: Any, is_early: bool
) -> None:
    """Whatever ends the higher one, before the lower one was first looked at or while it waits: it goes the same day,
    before it expires. Two customers have the mailbox, and what ends the one does not end the other."""
    one_a_day = {"mails": 1, "per": "day"}
    box = Mailboxes(warehouse, {name: topic_of(topic=name, cap=one_a_day) for name in ("reminders", "offers")})
    box.person("higher")
    box.person("lower")
    box.plan("lower", 60, at(5), "lower", max_lateness_hours=6, **window("08:00"))
    box.plan("higher", 70, at(5), "higher", topic="offers", **window("15:00"))
    if is_early:
        ended_by(box)
    else:
        assert box.deliver(at(8)) == []
        ended_by(box)
    assert box.deliver(at(9)) == ["lower"]
    assert box.deliver(at(15)) == []


@pytest.mark.parametrize(
    ("opens", "closes", "lateness", "looked", "goes"),
    [
        ("08:00", "08:04", 30, 8, 8 + 2 / 60),
        ("20:00", "00:00", 30, 23 + 56 / 60, 23 + 58 / 60),
        ("08:00", "20:00", 0.05, 8, 8 + 2 / 60),
    ],
    ids=["the window closes", "the day ends", "it expires"],
)
def test_a_mail_that_waits_for_a_higher_one_misses_neither_its_hours_nor_its_day(
    box: Mailboxes, opens: str, closes: str, lateness: float, looked: float, goes: float
) -> None:
    """Four minutes are left to the lower one when it yields. The higher one is stopped, and a delivery that comes
    after half of them sends the lower one."""
    box.person("ann", "UTC")
    box.plan("lower", 60, at(5), "ann", max_lateness_hours=lateness, **window(opens, closes))
    box.plan("higher", 70, at(5), "ann", **window("23:59" if looked > 20 else "15:00", "00:00"))
    assert box.deliver(at(looked)) == []
    box.run("insert into delivery.pause (scope, reason, paused_at) values ('campaign:higher', 'operator', now())")
    assert box.deliver(at(goes)) == ["lower"]


def test_one_that_can_not_go_today_is_no_rival(box: Mailboxes) -> None:
    """The higher one may go tomorrow at the earliest: today is free."""
    box.person("ann", "Europe/Berlin")
    box.plan("higher", 70, at(20), "ann", **window("08:00"))
    box.plan("lower", 60, at(20), "ann", **window("08:00", "23:00"))
    assert box.deliver(at(20)) == ["lower"]
    assert box.deliver(at(31)) == ["higher"]


def test_local_days_decide_what_today_is(box: Mailboxes) -> None:
    """The higher one goes to another customer of the mailbox, whose eight o'clock is today in one of their zones."""
    box.person("tok", "Asia/Tokyo")
    box.person("hon", "Pacific/Honolulu")
    box.plan("higher", 70, at(12), "tok", **window("08:00"))  # 23:00 UTC: the next day in Tokyo, the same in Honolulu
    box.plan("lower", 60, at(12), "hon", **window("01:00", "23:00"))
    assert box.deliver(at(12)) == []
    assert box.deliver(at(23)) == ["higher"]


def test_with_two_places_both_go(warehouse: Engine) -> None:
    """A cap of two leaves room next to one higher mail, and none next to two."""
    box = Mailboxes(warehouse, {"reminders": topic_of(cap={"mails": 2, "per": "day"})})
    box.person("ann")
    box.person("bob", address="bob@example.com")
    box.plan("high", 70, at(5), "ann", "bob", **window("15:00"))
    box.plan("higher", 80, at(5), "bob", **window("15:00"))
    box.plan("low", 60, at(5), "ann", "bob", **window("08:00"))
    box.deliver(at(8))
    assert [address for _, address, _ in box.post.taken] == [BOX]


def test_a_mail_without_a_cap_takes_no_place_of_a_higher_one(warehouse: Engine) -> None:
    """Its own topic has no cap, but the higher one's has: the higher one goes first, then both have gone."""
    topics = {"reminders": topic_of(cap={"mails": 1, "per": "day"}), "offers": topic_of(topic="offers")}
    box = Mailboxes(warehouse, topics)
    box.person("ann")
    box.plan("higher", 70, at(5), "ann", **window("09:00"))
    box.plan("lower", 60, at(5), "ann", topic="offers", **window("08:00"))
    assert box.deliver(at(8)) == []
    assert box.deliver(at(9)) == ["higher", "lower"]


@pytest.mark.parametrize(
    "answer", [NothingSent("no connection"), RecipientsRefused({0: "not an address"}), "before", "after"]
)
def test_a_place_that_comes_back_is_the_lower_ones(box: Mailboxes, answer: Any) -> None:
    """The request of the higher one is refused for good, or comes back and its person leaves: the lower one goes. A
    worker that died may have sent it: then nothing else goes that day."""
    box.person("ann")
    box.plan("higher", 70, at(5), "ann")
    box.plan("lower", 60, at(5), "ann", max_lateness_hours=6)
    box.post.answers = [answer, *[answer] * 3 * isinstance(answer, NothingSent)]
    try:
        sent = box.deliver(at(8))
    except (Killed, DeliveryRefused):
        sent = []
    box.run("update journey.enrollment set ended_at = :at, end_reason = 'x' where campaign = 'higher'", at=at(8))
    sent += box.deliver(at(8.5)) + box.deliver(at(9))
    assert sent == ([] if isinstance(answer, str) else ["lower"])
    assert len(box.post.taken) == (0 if answer == "before" else 1)


LIVE = {
    "mode": "live", "sendgrid_base_url": "", "public_url": "https://mail.shop.test", "link_secret": "s" * 32,
    "postal_address": "Real Street 1", "default_zone": "UTC", "pages_url": "https://mail.shop.test",
}  # fmt: skip


def test_in_live_a_campaign_that_is_not_approved_is_no_rival(warehouse: Engine) -> None:
    """What no one approved holds up nothing; once it is approved it has the day."""
    topic = topic_of(cap={"mails": 1, "per": "day"}, sender={"name": "Shop", "email": "a@shop.test"})
    box = Mailboxes(warehouse, {"reminders": topic})
    box.person("ann")
    box.person("bob", address="bob@example.com")
    for person in ("ann", "bob"):
        higher = box.plan("higher", 70, at(5), person, **window("09:00"))
        lower = box.plan("lower", 60, at(5), person, **window("08:00"))
        approved(warehouse, lower, topic)
        if person == "bob":
            approved(warehouse, higher, topic)
        assert box.deliver(at(8), **LIVE) == (["lower"] if person == "ann" else [])
