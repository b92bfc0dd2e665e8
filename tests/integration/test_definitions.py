"""A mail goes out in live as it was approved: campaign file, templates, layouts, words, brand and sender."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import orjson
import pytest
import yaml
from sqlalchemy.engine import Engine

from builders import NOON, customer, insert, load, rows
from lifecycle_mail import delivery
from lifecycle_mail.campaign_names import agree
from lifecycle_mail.campaigns import read_brand, read_topics
from lifecycle_mail.command_line.mails import stored_mail
from lifecycle_mail.delivery import worker
from lifecycle_mail.errors import CampaignError, SendingStopped, TemplateError
from lifecycle_mail.messages import Definitions, keep_as_read, load_definition, read_definition
from lifecycle_mail.pipeline import Installation
from lifecycle_mail.sendgrid.answers import Accepted, RateLimited
from lifecycle_mail.sendgrid.requests import Request
from lifecycle_mail.settings import INCLUDE, Settings
from planning import BRAND, LIBRARY, campaign_of, states, topic_of

HOUR = timedelta(hours=1)
NAME = "cart_abandoned"
CAMPAIGN = {
    "campaign": NAME, "owner": "lifecycle@example.com", "description": "for tests", "schedule": "0 * * * *",
    "segment": {"name": NAME}, "goal": {"event": "order", "within_days": 5}, "exit_on": ["order"], "topic": "reminders",
    "reenter_after_days": 7, "max_lateness_hours": 6,
    "steps": [{"step": "reminder", "after_hours": 0, "template": "cart_abandoned/reminder"}],
}  # fmt: skip
TOPICS = {
    "topics": {"reminders": {"description": "x", "sender": {"name": "Corner Market", "email": "hello@my-example.com"}}}
}


@dataclass
class Provider:
    """Takes every request, and keeps it; or gives the first answers it is told to give."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def send(self, request: Request, _answer_by: float) -> Any:
        if self.answers:
            return self.answers.pop(0)
        self.requests.append(orjson.loads(b"".join(request.pieces())))
        return Accepted(f"x-{len(self.requests)}")

    def mails(self) -> dict[str, dict[str, str]]:
        """Customer → sender, text and html as the recipient gets them."""
        return {
            one["to"][0]["email"].partition("@")[0]: {
                "from": "{name} <{email}>".format(**request["from"]),
                **{part["type"]: _filled(part["value"], one["substitutions"]) for part in request["content"]},
            }
            for request in self.requests
            for one in request["personalizations"]
        }


def _filled(text: str, substitutions: dict[str, str]) -> str:
    for token, value in substitutions.items():
        text = text.replace(token, value)
    return text


@dataclass
class Desk:
    """A live installation whose files are a folder of their own."""

    warehouse: Engine
    folder: Path
    settings: Settings
    provider: Provider

    def opened(self, mode: Any = "live") -> Installation:
        """The installation as a command opens it; `preview` is a shell that does not know of live."""
        settings = Settings(**{**vars(self.settings), "mode": mode})
        brand = read_brand(settings.brand_file, postal_address=settings.postal_address)
        return Installation(settings, self.warehouse, read_topics(settings.topics_file), brand)

    def plan(self, *customer_ids: str, mode: Any = "live", hours: int = 0) -> None:
        """New customers with a cart each, and one planning run."""
        with self.warehouse.begin() as connection:
            loaded = load(connection)
            for one in customer_ids:
                customer(connection, one, first_name=one.title(), load_id=loaded)
                insert(
                    connection, "source.cart", cart_id=one, customer_id=one, created_at=NOON - 3 * HOUR, status="open",
                    updated_at=NOON - 2 * HOUR, load_id=loaded,
                )  # fmt: skip
                insert(
                    connection, "source.cart_line", cart_id=one, product_id="p1", quantity=2, unit_price=1.5,
                    load_id=loaded,
                )  # fmt: skip
        self.opened(mode).plan(NAME, NOON + hours * HOUR, NOON + hours * HOUR)

    def approve(self, hours: int = 0) -> Any:
        return self.opened().approve(NAME, "lead", NOON + hours * HOUR)

    def deliver(self, hours: int = 0) -> delivery.DeliveryReport:
        return self.opened().deliver(lambda: NOON + hours * HOUR, "test")

    def states(self) -> set[tuple[Any, ...]]:
        return {(who, state, reason) for who, _, state, reason in states(self.warehouse)}

    def said(self, hours: int = 0) -> str:
        """The error of the red task, or '' if the task is green."""
        try:
            self.opened().require_not_stopped(NOON + hours * HOUR, since=NOON)
        except SendingStopped as stopped:
            return str(stopped)
        return ""

    def change(self, file: str, old: str, new: str) -> Callable[[], None]:
        """Change a file; returns what puts it back."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        return lambda: path.write_text(text, encoding="utf-8") and None

    def write_campaign(self, **changes: Any) -> None:
        (self.folder / "campaigns" / f"{NAME}.yaml").write_text(yaml.safe_dump({**CAMPAIGN, **changes}))


@pytest.fixture
def desk(tmp_path: Path, warehouse: Engine, warehouse_url: str, monkeypatch: pytest.MonkeyPatch) -> Desk:
    shutil.copytree(INCLUDE / "templates", tmp_path / "templates")
    shutil.copy(INCLUDE / "brand.yaml", tmp_path / "brand.yaml")
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "topics.yaml").write_text(yaml.safe_dump(TOPICS))
    provider = Provider()
    monkeypatch.setattr(worker, "Provider", lambda settings: provider)
    settings = Settings(
        database_url=warehouse_url, mode="live", sendgrid_api_key="SG.for-tests", link_secret="s" * 32,
        public_url="https://mail.my-example.com", pages_url="https://mail.my-example.com",
        postal_address="1 Street", default_zone="UTC",
        campaigns_dir=tmp_path / "campaigns",
        templates_dir=tmp_path / "templates", topics_file=tmp_path / "topics.yaml", brand_file=tmp_path / "brand.yaml",
    )  # fmt: skip
    made = Desk(warehouse, tmp_path, settings, provider)
    made.write_campaign()
    return made


WORDS = "templates/translations/en.yaml"
OLD = "Life gets in the way of shopping."


def test_what_nobody_approved_does_not_go_after_its_files_are_put_back(desk: Desk) -> None:
    """v1 approved, v2 planned, files back to v1: v2's mails wait, v1's go. v1 approved once more: v2's go as v1."""
    desk.approve()
    desk.plan("ann")
    put_back = desk.change(WORDS, OLD, "Nobody read this.")
    desk.plan("bob", mode="preview")
    put_back()
    desk.plan("cyd", mode="preview")
    report = desk.deliver()
    assert set(desk.provider.mails()) == {"ann", "cyd"}
    assert report.stopped == {"not approved: campaign cart_abandoned"}
    assert desk.states() == {("ann", "accepted", None), ("bob", "planned", None), ("cyd", "accepted", None)}
    assert "1 planned mails of campaign cart_abandoned wait for an approval" in desk.said()
    assert desk.approve().is_new
    assert desk.said() == ""
    desk.deliver()
    assert OLD in desk.provider.mails()["bob"]["text/plain"]


@pytest.mark.parametrize(
    ("file", "old", "new", "part"),
    [
        ("templates/cart_abandoned/reminder/body.txt", '{{ t(".close") }}', "X~X", "cart_abandoned/reminder/body.txt"),
        ("templates/base/layout.txt", '{{ t("footer.help") }}', "X~X", "base/layout.txt"),
        (WORDS, OLD, "X~X", "translations/en.yaml"),
        ("brand.yaml", "Corner Market", "X~X", "brand"),
        ("topics.yaml", "Corner Market", "X~X", "sender"),
        ("campaigns/cart_abandoned.yaml", "max_lateness_hours: 6", "max_lateness_hours: 7", "campaign file"),
    ],
    ids=["template", "layout", "words", "brand", "sender", "campaign"],
)
def test_whatever_recipients_see_needs_an_approval(desk: Desk, file: str, old: str, new: str, part: str) -> None:
    """Any part changes: mails planned from it wait, and the change is named. After its approval the mails go with the
    new part."""
    desk.approve()
    desk.change(file, old, new)
    desk.plan("ann", mode="preview")
    assert desk.deliver(1).accepted == 0
    assert f"1 planned mails of campaign cart_abandoned wait for an approval of its present definition, until they " \
        f"expire: read its files (changed: {part}), then run `campaign approve cart_abandoned --by WHO`" in desk.said()
    assert desk.approve(1).changed == [part]
    assert desk.said(1) == ""
    assert desk.deliver(1).accepted == 1
    if part != "campaign file":
        assert "X~X" in " ".join(desk.provider.mails()["ann"].values())


def test_a_renamed_campaign_goes_on_in_live_without_a_new_approval(desk: Desk) -> None:
    """Mails planned under the former name go out under the new one, and planning goes on; nothing waits."""
    desk.approve()
    desk.plan("ann", "bob")
    (desk.folder / "campaigns" / f"{NAME}.yaml").unlink()
    renamed = {**CAMPAIGN, "campaign": "nudge", "renamed_from": NAME}
    (desk.folder / "campaigns" / "nudge.yaml").write_text(yaml.safe_dump(renamed))
    agree(desk.warehouse, desk.folder / "campaigns")
    assert desk.deliver().accepted == 2
    assert [request["categories"] for request in desk.provider.requests] == [["nudge"]]
    at = NOON + HOUR
    assert desk.opened().plan("nudge", at, at).counts()["enrolled"] == 0
    assert desk.said() == ""


def test_a_sender_of_the_example_domain_does_not_go_however_approved(desk: Desk) -> None:
    """The campaign was approved before a real sender was given: its mails wait, by name, until that sender is
    approved."""
    put_back = desk.change("topics.yaml", "hello@my-example.com", "hello@example.com")
    desk.approve()
    desk.plan("ann")
    put_back()
    assert desk.deliver().accepted == 0
    assert "wait: the definition of these mails has a sender of example.com" in desk.said()
    desk.approve()
    assert desk.deliver().accepted == 1
    assert desk.provider.mails()["ann"]["from"] == "Corner Market <hello@my-example.com>"


def test_words_of_another_campaign_need_no_approval(desk: Desk) -> None:
    """All campaigns share the catalogue: only the words that a campaign's templates ask for belong to its
    definition."""
    desk.approve()
    desk.change(WORDS, "Freshness, delivery and what happens if something isn't right.", "X~X")
    desk.plan("ann", mode="preview")
    assert desk.deliver().accepted == 1
    assert not desk.approve().is_new


def test_a_mail_goes_out_as_it_was_approved_whatever_the_files_say(desk: Desk) -> None:
    """A mail planned from v1 is sent while v2 is on disk: shared and personal parts, brand and sender are v1's."""
    desk.approve()
    desk.plan("ann")
    for file, old, new in (
        (WORDS, OLD, "X~X"), (WORDS, 'named: "Hello {name},"', 'named: "X~X {name},"'),
        ("templates/cart_abandoned/reminder/body.txt", "slot items", "slot things"),
        ("brand.yaml", "Corner Market", "X~X"), ("topics.yaml", "Corner Market", "X~X"),
    ):  # fmt: skip
        desk.change(file, old, new)
    assert desk.deliver().accepted == 1
    mail = desk.provider.mails()["ann"]
    assert mail["from"] == "Corner Market <hello@my-example.com>"
    assert OLD in mail["text/plain"]
    assert "Hello Ann," in mail["text/plain"]
    assert not [part for part in mail.values() if "X~X" in part or "[%" in part]


def test_a_broken_template_on_disk_stops_no_approved_mail(desk: Desk) -> None:
    """Planning and delivery in live go on as approved; what is broken is named."""
    desk.approve()
    desk.change("templates/cart_abandoned/reminder/body.mjml", "{% block content %}", "{% block")
    desk.plan("ann")
    assert desk.deliver().accepted == 1
    assert "the files of campaign cart_abandoned cannot be read (cart_abandoned/reminder/body.mjml:" in desk.said()
    with pytest.raises(TemplateError, match=r"body\.mjml"):
        desk.approve()


def test_what_no_mail_can_be_written_from_is_not_approved(desk: Desk) -> None:
    """Unclosed MJML and an unknown variable are refused with their place, and the approval before stays in force."""
    first = desk.approve().definition_md5
    for file, new in (("body.mjml", "{% block content %}<mj-section>"), ("body.txt", "{% block content %}{{ gone }}")):
        put_back = desk.change(f"templates/cart_abandoned/reminder/{file}", "{% block content %}", new)
        with pytest.raises(TemplateError, match=f"cart_abandoned/reminder/{file}"):
            desk.approve(1)
        put_back()
    with desk.warehouse.connect() as connection:
        assert [one.definition_md5 for one in delivery.approvals(connection)] == [first]


def test_live_plans_what_was_approved_and_names_newer_files(desk: Desk) -> None:
    """Files changed after the approval: mails are planned and go as approved, and the changes wait by name."""
    desk.approve()
    desk.change(WORDS, OLD, "X~X")
    desk.write_campaign(max_lateness_hours=1)
    desk.plan("ann")
    assert desk.said() == (
        "the files of campaign cart_abandoned changed and are not approved (changed: campaign file, "
        "translations/en.yaml): its mails go on as approved at 2026-03-02 12:00 UTC; read the files, then run "
        "`campaign approve cart_abandoned --by WHO`, or restore the approved files"
    )
    with desk.warehouse.connect() as connection:
        assert rows(connection, "select expires_at from message.message") == [(NOON + 6 * HOUR,)]
    assert desk.deliver().accepted == 1
    assert OLD in desk.provider.mails()["ann"]["text/plain"]
    desk.approve(1)
    desk.plan("bob", hours=1)
    assert (desk.said(1), desk.deliver(1).accepted) == ("", 1)
    assert "X~X" in desk.provider.mails()["bob"]["text/plain"]


def test_a_first_definition_is_planned_from_its_files_and_waits(desk: Desk) -> None:
    """Before the first approval mails are planned, so that there is something to look at, and none goes."""
    desk.plan("ann")
    assert desk.deliver().accepted == 0
    assert "1 planned mails of campaign cart_abandoned wait for an approval" in desk.said()
    desk.approve()
    assert desk.deliver().accepted == 1


def test_a_correction_that_is_approved_replaces_what_is_planned(desk: Desk) -> None:
    """Mails planned under an earlier approved definition, or under an unapproved one, go with the newest approved
    text."""
    desk.approve()
    desk.plan("ann")
    put_back = desk.change(WORDS, OLD, "Nobody read this.")
    desk.plan("bob", mode="preview")
    put_back()
    desk.change(WORDS, OLD, "Corrected.")
    desk.approve()
    system = desk.opened()
    shown = stored_mail(system, system.campaign(NAME), "reminder", "ann", NOON)
    assert "Corrected." in shown.text, "a preview of the mail shows what would go"
    assert desk.deliver().accepted == 2
    assert [who for who, mail in desk.provider.mails().items() if "Corrected." in mail["text/plain"]] == ["ann", "bob"]


def test_a_step_that_the_newest_definition_does_not_have_goes_as_it_was_approved(desk: Desk) -> None:
    """Its text cannot come from there: the definition it carries was approved, and still is."""
    desk.approve()
    desk.plan("ann")
    step = {"step": "other", "after_hours": 0, "template": "cart_abandoned/doubts"}
    desk.write_campaign(steps=[step])
    desk.approve(1)
    assert desk.deliver(1).accepted == 1
    assert OLD in desk.provider.mails()["ann"]["text/plain"]


def test_a_revoked_definition_goes_no_more_and_the_one_before_goes_on(desk: Desk) -> None:
    """A revoked campaign's planned mails are cancelled by name, the log keeps who, when and why, and planning is v1's
    again."""
    first = desk.approve().definition_md5
    desk.plan("ann")
    desk.deliver()
    desk.change(WORDS, OLD, "X~X")
    second = desk.approve(1).definition_md5
    desk.plan("bob", hours=1)
    done = desk.opened().revoke(NAME, "lead", "a wrong price", NOON + 2 * HOUR)
    assert (done.definition_md5, done.cancelled, done.goes_on and done.goes_on.definition_md5) == (second, 1, first)
    assert desk.states() == {("ann", "accepted", None), ("bob", "cancelled", "approval_revoked")}
    desk.plan("cyd", hours=2)
    assert desk.deliver(2).accepted == 1
    assert OLD in desk.provider.mails()["cyd"]["text/plain"]
    assert desk.opened().revoke(NAME, "lead", "this one as well", NOON + 3 * HOUR).goes_on is None
    with pytest.raises(CampaignError, match="has no approval in force"):
        desk.opened().revoke(NAME, "lead", "once more", NOON + 3 * HOUR)
    with desk.warehouse.connect() as connection:
        assert rows(
            connection, "select definition_md5, approved_by, approved_at, revoked_by, revoked_because, revoked_at"
            " from delivery.approval order by approval_id",
        ) == [
            (first, "lead", NOON, "lead", "this one as well", NOON + 3 * HOUR),
            (second, "lead", NOON + HOUR, "lead", "a wrong price", NOON + 2 * HOUR),
        ]  # fmt: skip
    assert desk.approve(4).is_new, "approving again is a new entry"


def test_a_mail_given_back_after_a_revocation_does_not_go_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail was claimed when the approval was revoked, and refused for the rate: it waits, and ends as
    unapproved."""
    desk.approve()
    desk.plan("ann")
    desk.provider.answers.append(RateLimited(None))
    recorded = worker.record

    def revoke_and_record(*given: Any) -> Any:
        assert desk.opened().revoke(NAME, "lead", "stop", NOON).cancelled == 0
        return recorded(*given)

    monkeypatch.setattr(worker, "record", revoke_and_record)
    monkeypatch.setattr(worker, "MAX_WAIT_SECONDS", 0.0)
    report = desk.deliver()
    assert (report.returned, report.accepted, desk.provider.requests) == (1, 0, [])
    assert desk.states() == {("ann", "planned", "rate_limited")}
    assert desk.deliver(7).ended == {"unapproved": 1}


def test_what_expires_waiting_for_an_approval_is_unapproved(desk: Desk) -> None:
    """The mail is not stale, because only the approval was late. An approval after that comes too late; refused mails
    say why."""
    desk.plan("ann")
    assert desk.deliver(6).ended == {}
    assert desk.deliver(7).ended == {"unapproved": 1}
    desk.plan("bob", hours=7)
    desk.opened("preview").approve(NAME, "lead", NOON + 14 * HOUR)  # a shell that does not know of live
    assert desk.deliver(14).ended == {}
    assert desk.states() == {("ann", "cancelled", "unapproved"), ("bob", "cancelled", "unapproved")}
    desk.opened().roll_up(NOON + 15 * HOUR)
    with desk.warehouse.connect() as connection:
        assert rows(connection, "select reason, by_message, steps from kpi.refused_daily") == [
            ("unapproved", 2, 2)
        ]


def test_what_expires_approved_is_stale_as_ever(desk: Desk) -> None:
    """It waited for no approval."""
    desk.approve()
    desk.plan("ann")
    desk.deliver(7)
    assert desk.states() == {("ann", "cancelled", "stale")}


def test_an_approval_that_was_cut_off_is_given_by_the_next_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill after the definition is kept leaves it unapproved. The next approval approves it, and a third changes
    nothing."""
    with monkeypatch.context() as killed:
        killed.setattr(delivery, "approve", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            desk.approve()
    desk.plan("ann")
    assert desk.deliver().accepted == 0
    assert [desk.approve().is_new, desk.approve().is_new] == [True, False]
    with desk.warehouse.connect() as connection:
        assert rows(connection, "select count(*) from delivery.approval") == [(1,)]
    assert desk.deliver().accepted == 1


def test_only_what_was_read_is_approved(desk: Desk) -> None:
    """With a checksum, files that differ from it by now are refused."""
    read = desk.opened().definition(NAME).md5
    desk.change(WORDS, OLD, "X~X")
    with pytest.raises(CampaignError, match=f"its files are definition [0-9a-f]{{32}} now, not {read}"):
        desk.opened().approve(NAME, "lead", NOON, read)
    now = desk.opened().definition(NAME).md5
    assert desk.opened().approve(NAME, "lead", NOON, now).is_new


def test_outside_live_mails_follow_their_files_without_an_approval(desk: Desk) -> None:
    """A template corrected after planning is the one that goes out; its shell carries no definition."""
    desk.plan("ann", mode="preview")
    desk.change(WORDS, OLD, "X~X")
    settings = Settings(**{**vars(desk.settings), "mode": "simulate", "sendgrid_base_url": "http://127.0.0.1:1"})
    report = delivery.deliver(
        desk.warehouse, settings, desk.opened().topics, clock=lambda: NOON, worker="test"
    )
    assert report.accepted == 1
    assert "X~X" in desk.provider.mails()["ann"]["text/plain"]
    with desk.warehouse.connect() as connection:
        assert rows(
            connection, "select definition_md5 from message.shell inner join message.message using (shell_id)"
        ) == [(None,)]


def test_a_planned_mail_of_before_the_upgrade_goes_as_what_is_approved_next(desk: Desk) -> None:
    """A mail that carries no definition waits, and the first approval of the whole definition gives it one."""
    desk.plan("ann")
    with desk.warehouse.begin() as connection:
        connection.exec_driver_sql("update message.shell set definition_md5 = null")
    assert desk.deliver().accepted == 0
    assert "1 planned mails of campaign cart_abandoned wait for an approval" in desk.said()
    desk.approve()
    assert desk.deliver().accepted == 1


def test_a_definition_comes_back_as_it_was_kept(warehouse: Engine) -> None:
    """The checksum is the same, and variants keep the order of the file, which decides which customer gets which
    variant."""
    step = {
        "step": "incentive", "after_hours": 0, "template": "cart_abandoned/incentive",
        "offer": {"percent": 10, "valid_hours": 24}, "variants": {"without_offer": 0.25, "with_offer": 0.75},
    }  # fmt: skip
    definition = read_definition(campaign_of(steps=[step]), topic_of(), LIBRARY, BRAND)
    with warehouse.begin() as connection:
        keep_as_read(connection, definition)
        kept = load_definition(connection, definition.md5)
    assert (kept, kept.md5) == (definition, definition.md5)
    elsewhere = BRAND.model_copy(update={"postal_address": "another machine's setting"})
    assert read_definition(campaign_of(steps=[step]), topic_of(), LIBRARY, elsewhere).md5 == definition.md5
    assert list(kept.campaign.steps[0].variants) == ["without_offer", "with_offer"]
    name = "cart_abandoned/incentive"
    assert kept.library.version(name) == LIBRARY.version(name)
    assert set(kept.texts) >= {"base/layout.mjml", "base/macros.txt", f"{name}/body.mjml", "translations/en.yaml"}
    assert not [file for file in kept.texts if re.match("birthday|cart_abandoned/(doubts|reminder)", file)]


def test_definitions_in_use_are_loaded_once_and_the_longest_unused_forgotten(
    warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker with many campaigns keeps a bounded number of them."""
    monkeypatch.setattr("lifecycle_mail.messages.definitions.REMEMBERED", 2)
    made = [read_definition(campaign_of(holdout=share), topic_of(), LIBRARY, BRAND) for share in (0.1, 0.2, 0.3)]
    known = Definitions()
    with warehouse.begin() as connection:
        for one in made:
            keep_as_read(connection, one)
        first, second, _ = (known.get(connection, one.md5) for one in made)
        assert known.get(connection, made[1].md5) is second
        assert known.get(connection, made[0].md5) is not first
        assert rows(connection, "select count(*) from message.source_text") == [(len(set(made[0].texts.values())),)]
