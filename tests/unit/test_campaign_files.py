"""Campaign and topic files: right ones read, wrong ones refused with file, line and the nearest right word."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from lifecycle_mail.campaigns import (
    find_campaign,
    read_brand,
    read_campaign,
    read_campaigns,
    read_topics,
    topics_schema,
)
from lifecycle_mail.campaigns.models import Offer
from lifecycle_mail.errors import CampaignError
from lifecycle_mail.settings import INCLUDE

TOPICS = read_topics(INCLUDE / "topics.yaml")
CART = (INCLUDE / "campaigns" / "cart_abandoned.yaml").read_text(encoding="utf-8")


def write(folder: Path, text: str, name: str = "cart_abandoned") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(CampaignError) as caught:
        read_campaign(write(folder, text), TOPICS)
    return str(caught.value)


def test_shipped_campaigns_are_right() -> None:
    """Every campaign in include/campaigns reads without an error."""
    campaigns, errors = read_campaigns(INCLUDE / "campaigns", TOPICS)
    assert errors == []
    assert [one.campaign for one in campaigns] == sorted(file.stem for file in (INCLUDE / "campaigns").glob("*.yaml"))


@pytest.mark.parametrize(
    ("wrong", "right", "expected"),
    [
        ("holdot: 0.05", "holdout: 0.05", "unknown key 'holdot': did you mean 'holdout'?"),
        ("holdout: 1.5", "holdout: 0.05", "'holdout'"),
        ("max_lateness_hours: .inf", "max_lateness_hours: 6", "'max_lateness_hours'"),
        ("reenter_after_days: 40001", "reenter_after_days: 7", "'reenter_after_days'"),
        ("event: orde,", "event: order,", "'goal.event' is 'orde': did you mean 'order'?"),
        ("attribution: {touch: clik, days: 5}\nexit_on: [order, cart_e", "exit_on: [order, cart_e",
         "'attribution.touch' is 'clik': did you mean 'click'?"),
        ("attribution: {touch: click, day: 5}\nexit_on: [order, cart_e", "exit_on: [order, cart_e",
         "unknown key 'attribution.day': did you mean 'days'?"),
        ("attribution: {touch: open, days: 366}\nexit_on: [order, cart_e", "exit_on: [order, cart_e",
         "'attribution.days'"),
        ("topic: remindres", "topic: reminders", "no topic 'remindres': did you mean 'reminders'?"),
        ("with_ofer: 0.4", "with_offer: 0.5", "the shares of variants add up to 0.9: make them 1"),
        ("offer: {percent: 10, free_shipping: true, valid_hours", "offer: {percent: 10, valid_hours",
         "an offer is one of percent, amount, free_shipping, gift, not percent and free_shipping: give one"),
        ("offer: {valid_hours", "offer: {percent: 10, valid_hours",
         "an offer is one of percent, amount, free_shipping, gift, not none: give one"),
        ("offer: {amount: 5, valid_hours", "offer: {percent: 10, valid_hours",
         "amount has no currency: add one, such as currency: EUR"),
        ("offer: {percent: 10, currency: EUR, valid_hours", "offer: {percent: 10, valid_hours",
         "no amount and no minimum is in this currency: remove it"),
        ("offer: {percent: 10, code: SPRING, codes: personal, valid_hours", "offer: {percent: 10, valid_hours",
         "personal codes and one shared code exclude each other: keep codes or code"),
        ("offer: {percent: 10, code: S P, valid_hours", "offer: {percent: 10, valid_hours",
         "write 3 to 40 letters, digits, - and _, without blanks, such as SPRING"),
        ('schedule: "hourly"', 'schedule: "0 * * * *"', "five cron fields"),
        ('schedule: "99 * * * *"', 'schedule: "0 * * * *"', "five cron fields"),
        ('schedule: "0 0 30 2 *"', 'schedule: "0 * * * *"', "no moment matches this"),
        ("after_hours: 50, template: cart_abandoned/doubts",
         "after_hours: 23, template: cart_abandoned/doubts", "not in the order of after_hours"),
        ("step: reminder, after_hours: 23", "step: doubts, after_hours: 23", "same name"),
        ("doubts, after_hours: 23, unless: {opned: reminder}", "doubts, after_hours: 23", "did you mean 'opened'"),
        ("doubts, after_hours: 23, when: {sent: remindr}", "doubts, after_hours: 23", "choose one of reminder"),
        ("exit_on: [ordr, cart_emptied", "exit_on: [order, cart_emptied", "did you mean 'order'"),
        ("send_window: {from: 08:00, to: 21:00}", 'send_window: {from: "08:00", to: "21:00"}', "in quotes"),
        ('send_window: {from: "22:00", to: "23:00"}', 'send_window: {from: "08:00", to: "21:00"}',
         "wholly inside the quiet hours"),
    ],
)  # fmt: skip
def test_a_typo_is_refused_with_line_and_remedy(
    tmp_path: Path, wrong: str, right: str, expected: str
) -> None:
    """Each mistake is refused; the message names file and the very line, and says what to write."""
    assert right in CART
    text = CART.replace(right, wrong)
    line = next(number for number, found in enumerate(text.splitlines(), 1) if wrong.split(":")[0] in found)
    message = refusal(tmp_path, text)
    assert expected in message
    assert message.startswith("cart_abandoned.yaml:")
    if "variants" not in expected and "order of" not in expected and "same name" not in expected:
        assert message.startswith(f"cart_abandoned.yaml:{line}:")


def test_attribution_is_apart_from_the_goal(tmp_path: Path) -> None:
    """If a file says nothing, its mails take credit from when they were sent, for the days of the goal, and its
    checksum is what it was. Each of the two keys may be given alone."""
    plain = read_campaign(write(tmp_path, CART), TOPICS)
    assert (plain.credit_model, plain.attribution.days, "attribution" in plain.definition()) == ("sent", None, False)
    for said, model, days in (
        ("{touch: click, days: 5}", "clicked", 5), ("{touch: open}", "opened", None), ("{days: 0.5}", "sent", 0.5),
    ):  # fmt: skip
        campaign = read_campaign(write(tmp_path, f"{CART}attribution: {said}\n"), TOPICS)
        assert (campaign.credit_model, campaign.attribution.days, campaign.goal) == (model, days, plain.goal)
        assert campaign.definition_md5() != plain.definition_md5()


def test_transactional_mails_take_no_credit(tmp_path: Path) -> None:
    """A campaign of a transactional topic that says how orders are credited is refused, with what to do."""
    transactional = TOPICS["reminders"].model_copy(update={"kind": "transactional", "cap": None})
    text = CART.replace("holdout: 0.05", "holdout: 0") + "attribution: {days: 5}\n"
    with pytest.raises(CampaignError, match=r"yaml:24: topic 'reminders' is transactional.*: remove attribution"):
        read_campaign(write(tmp_path, text), {"reminders": transactional})


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    """YAML would silently take the last of two equal keys; a marketer must hear of it."""
    assert "'priority' is given twice" in refusal(tmp_path, CART + "priority: 10\n")


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    """A file without an owner says that the owner is missing."""
    text = CART.replace("owner: lifecycle@example.com\n", "")
    assert "'owner' is missing: add it" in refusal(tmp_path, text)


@pytest.mark.parametrize("text", ["", "- a\n", "campaign: [", "\tx", "campaign: x"])
def test_what_is_no_campaign_is_refused_readably(tmp_path: Path, text: str) -> None:
    """Empty, broken and wrong-shaped files end in a CampaignError that names the file."""
    assert refusal(tmp_path, text).startswith("cart_abandoned.yaml")


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """An editor's other encoding costs one campaign, with the remedy."""
    path = tmp_path / "x.yaml"
    path.write_bytes(b"campaign: caf\xe9\n")
    with pytest.raises(CampaignError, match="save it as UTF-8"):
        read_campaign(path)


def test_a_broken_file_leaves_the_others(tmp_path: Path) -> None:
    """One broken campaign file costs that campaign alone."""
    write(tmp_path, CART)
    write(tmp_path, "campaign: 1\n", "broken")
    campaigns, errors = read_campaigns(tmp_path, TOPICS)
    assert [one.campaign for one in campaigns] == ["cart_abandoned"]
    assert len(errors) == 1
    assert "broken.yaml" in str(errors[0])


def test_an_unknown_campaign_gets_the_nearest_name(tmp_path: Path) -> None:
    """`campaign plan cart_abandonned` is answered with the right name."""
    write(tmp_path, CART)
    with pytest.raises(CampaignError, match="did you mean 'cart_abandoned'"):
        find_campaign(tmp_path, "cart_abandonned")


def test_the_checksum_follows_the_meaning(tmp_path: Path) -> None:
    """A comment changes nothing that an approval covers; a number does."""
    plain = read_campaign(write(tmp_path, CART))
    commented = read_campaign(write(tmp_path, "# hello\n" + CART))
    changed = read_campaign(write(tmp_path, CART.replace("holdout: 0.05", "holdout: 0.06")))
    assert plain.definition_md5() == commented.definition_md5() != changed.definition_md5()


@pytest.mark.parametrize(
    ("wrong", "right", "expected"),
    [
        ("kind: marketng", "kind: marketing", "did you mean 'marketing'"),
        ("permissions: [pending]", "permissions: [confirmed]", "confirmed permission"),
        ("per: month", "per: day", "'reminders.cap.per'|'cap.per'"),
        ("sendgrid_group_id: 1001", "sendgrid_group_id: 1003", "account.sendgrid_group_id: 1001 is already the"),
    ],
)
def test_topics_are_read_as_strictly(tmp_path: Path, wrong: str, right: str, expected: str) -> None:
    """Topic files get the same treatment as campaigns."""
    path = tmp_path / "topics.yaml"
    path.write_text((INCLUDE / "topics.yaml").read_text().replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(CampaignError, match=expected):
        read_topics(path)


SENDER = "sender: {name: Corner Market, email: hello@example.com}"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("sender: {name: Shop, email: hällo@example.com}",
         "'sender.email': SendGrid takes no letters beyond a to z before the @: use an address without them"),
        ("sender: {name: Shop, email: hello@bücher.example}",
         "'sender.email': SendGrid takes no letters beyond a to z in an address: write the domain as "
         "xn--bcher-kva.example"),
        ("sender: {name: Shop, email: hello}",
         "'sender.email': this is no address: write one such as hello@example.com"),
        ("sender: {name: Shop, email: 'Shop <hello@example.com>'}",
         "'sender.email': what stands before the @ is no mailbox: write the address alone, such as hello@example.com"),
        ("sender: {name: Shop, email: hello@example}",
         "'sender.email': what stands behind the @ is no domain: write one such as example.com"),
        ("sender: {name: Shop, email: hello@127.0.0.1}",
         "'sender.email': what stands behind the @ is no domain: write one such as example.com"),
        ("sender: {name: Shop, email: hello@example.com.}",
         "'sender.email': what stands behind the @ is no domain: write one such as example.com"),
        ("sender: {name: Shop, email: 'hello@example.com, b@example.com'}",
         "'sender.email': this is no address: write one such as hello@example.com"),
        ("sender: {name: \"Shop\u202ebad\", email: hello@example.com}",
         "'sender.name': the name has a line break or another control character: write it on one line"),
        ("sender: {name: 'Smith, Jones', email: hello@example.com}",
         "'sender.name': SendGrid takes a comma in a name for the end of an address: write the name without it"),
        ("sender: {name: Smith; Jones, email: hello@example.com}",
         "'sender.name': SendGrid takes a semicolon in a name for the end of an address: write the name without it"),
        ('sender: {name: "Shop\\nBcc: x", email: hello@example.com}',
         "'sender.name': the name has a line break or another control character: write it on one line"),
        ("sender: {name: ' ', email: hello@example.com}",
         "'sender.name': the name is blank: write who the mail is from"),
        (SENDER + "\n    reply_to: {email: hällo@example.com}",
         "'reply_to.email': SendGrid takes no letters beyond a to z before the @: use an address without them"),
        (SENDER + "\n    ip_pool: x",
         "'ip_pool': write the pool's name as SendGrid shows it, 2 to 64 characters"),
        (SENDER + "\n    replyto: help@example.com", "unknown key 'replyto': did you mean 'reply_to'?"),
    ],
)  # fmt: skip
def test_what_sendgrid_would_refuse_in_a_topic_is_refused_in_words(tmp_path: Path, written: str, expected: str) -> None:
    """It would otherwise be a 400 at each delivery. The error says what is wrong and what to write, with the line."""
    path = tmp_path / "topics.yaml"
    path.write_text((INCLUDE / "topics.yaml").read_text().replace(SENDER, written, 1), encoding="utf-8")
    with pytest.raises(CampaignError) as caught:
        read_topics(path)
    where, _, told = str(caught.value).partition(": ")
    assert where == ("topics.yaml:32" if "\n" in written else "topics.yaml:31")
    assert told == expected


@pytest.mark.parametrize("name", ["topics", "brand"])
@pytest.mark.parametrize(
    "content",
    ["topics: &a {x: *a}", "name: &a {x: *a}", "topics: " + "[" * 3000, "topics: {[a]: b}", "[a, b]: c", "- a", "",
     "topics: {a: null}", "topics: {1: {}}", "topics: {true: {description: x}}"],
    ids=lambda content: content[:20],
)  # fmt: skip
def test_a_strange_file_is_one_error_of_ours(tmp_path: Path, name: str, content: str) -> None:
    """Aliases of themselves, depth and keys that are no text: the file is refused with its name, and nothing hangs."""
    path = tmp_path / f"{name}.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CampaignError) as caught:
        read_topics(path) if name == "topics" else read_brand(path, postal_address="1 Example Street")
    assert str(caught.value).startswith(f"{name}.yaml:")


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("{step: reminder,", "{step: Reminder!,", "'steps.0.step' is 'Reminder!': write lower-case letters, digits"),
        ("cart_abandoned/reminder}", "Cart/Reminder}", "'steps.0.template' is 'Cart/Reminder': write the template's"),
    ],
)
def test_an_error_shows_no_pattern(tmp_path: Path, right: str, wrong: str, expected: str) -> None:
    """A person reads what to write, not a regular expression."""
    text = (INCLUDE / "campaigns" / "cart_abandoned.yaml").read_text()
    assert right in text
    path = tmp_path / "cart_abandoned.yaml"
    path.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(CampaignError) as caught:
        read_campaign(path)
    assert expected in str(caught.value)
    assert "^" not in str(caught.value)


def test_the_schema_of_topics_is_what_is_read() -> None:
    """The published schema holds the file there is, knows every key of a topic, and refuses an unknown one."""
    content = yaml.safe_load((INCLUDE / "topics.yaml").read_text())
    judge = Draft202012Validator(topics_schema())
    assert [error.message for error in judge.iter_errors(content)] == []
    topic = content["topics"]["reminders"]
    topic.update(reply_to={"email": "help@example.com", "name": "Help"}, ip_pool="pool-1")
    assert [error.message for error in judge.iter_errors(content)] == []
    topic["replyto"] = "help@example.com"
    assert ["replyto" in error.message for error in judge.iter_errors(content)] == [True]


def test_the_variant_without_offer_gets_none() -> None:
    """An A/B of offer or none needs nothing but the variant's name; whole numbers are written whole."""
    campaign = read_campaign(INCLUDE / "campaigns" / "cart_abandoned.yaml")
    assert campaign.offer_for("incentive", "with_offer") == {"percent": 10, "valid_hours": 24}
    assert str(campaign.offer_for("incentive", "default")) == "{'percent': 10, 'valid_hours': 24}"
    assert campaign.offer_for("incentive", "without_offer") is None


def test_money_of_an_offer_is_exact() -> None:
    """Money stays a decimal on its way to the database, and what an offer does not say is not in it."""
    given = {"amount": 4.99, "currency": "EUR", "minimum": "30", "only_once": True, "valid_hours": 12.5}
    offer = Offer.model_validate({**given, "codes": "personal"})
    assert offer.for_templates() == {
        "amount": "4.99", "currency": "EUR", "minimum": "30", "only_once": True, "valid_hours": 12.5
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"description: Offers": "renamed_from: reminders\n    description: Offers"},
         "topics.yaml:38: 'reminders' cannot be what 'offers' was called before: it is already a topic of this "
         "file, 'reminders': remove it from one of the two"),
        ({"description: Offers": "renamed_from: [old, older]\n    description: Offers",
          "description: Mails": "renamed_from: older\n    description: Mails"},
         "topics.yaml:ACCOUNT: 'older' cannot be what 'account' was called before: it is already what 'offers' was"
         " called before: remove it from one of the two"),
        ({"": "retired: [winter, offers]\n"},
         "topics.yaml:END: 'offers' cannot be retired: it is already a topic of this file, 'offers': remove it from "
         "one of the two"),
        ({"": "retired: [old]\n", "description: Offers": "renamed_from: old\n    description: Offers"},
         "topics.yaml:END: 'old' cannot be retired: it is already what 'offers' was called before: remove it from one"
         " of the two"),
        ({"": "retired: [old, old]\n"},
         "topics.yaml:END: 'old' cannot be retired: it is already retired: remove it from one of the two"),
        ({"": "retired: old\n"},
         "topics.yaml:END: 'retired' is a list of topics that have ended: write [name, …]"),
        ({"": "retired: [Old Name]\n"}, "topics.yaml:END: 'retired': 'Old Name' is not a name of a topic: write one"),
        ({"": "retird: [old]\n"}, "topics.yaml:END: unknown key 'retird': did you mean 'retired'?"),
    ],
)  # fmt: skip
def test_a_name_means_one_topic(tmp_path: Path, changes: dict[str, str], expected: str) -> None:
    """A former or retired name is neither a present name nor another topic's former name, because old links carry
    it."""
    text = (INCLUDE / "topics.yaml").read_text()
    for old, new in changes.items():
        text = text.replace(old, new, 1) if old else text + new
    path = tmp_path / "topics.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CampaignError) as caught:
        read_topics(path)
    lines = text.splitlines()
    account = lines.index("    renamed_from: older") + 1 if "older" in expected else 0
    assert str(caught.value) == expected.replace(":END:", f":{len(lines)}:").replace(":ACCOUNT:", f":{account}:")


def test_a_campaign_of_a_former_or_retired_topic_is_told_so(tmp_path: Path) -> None:
    """The file says the name it has now, or that the topic has ended."""
    text = (INCLUDE / "topics.yaml").read_text().replace("  reminders:", "  nudges:\n    renamed_from: reminders", 1)
    path = tmp_path / "topics.yaml"
    path.write_text(text + "retired: [winter]\n", encoding="utf-8")
    topics = read_topics(path)
    assert (topics.former, topics.retired) == ({"reminders": "nudges"}, ("winter",))
    told = []
    for name in ("reminders", "winter"):
        with pytest.raises(CampaignError) as caught:
            read_campaign(write(tmp_path, CART.replace("topic: reminders", f"topic: {name}")), topics)
        told.append(str(caught.value))
    assert told == [
        "cart_abandoned.yaml:9: topic 'reminders' is called 'nudges' now: write the new name",
        f"cart_abandoned.yaml:9: topic 'winter' is retired: choose one of {', '.join(topics)}",
    ]
