"""`campaign check` says everything at once: every problem of every file, by line, each with the nearest right word."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from commands import Command
from lifecycle_mail.campaigns import read_topics
from lifecycle_mail.settings import INCLUDE

CART = (INCLUDE / "campaigns" / "cart_abandoned.yaml").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of three campaigns, and of templates, topics and brand, which the commands read."""
    shutil.copytree(INCLUDE / "templates", tmp_path / "templates")
    (tmp_path / "campaigns").mkdir()
    campaigns = [f"campaigns/{name}.yaml" for name in ("birthday", "cart_abandoned", "win_back")]
    for name in (*campaigns, "topics.yaml", "brand.yaml"):
        shutil.copy(INCLUDE / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def check(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line on that copy, without a warehouse."""
    monkeypatch.delenv("LIFECYCLE_DATABASE_URL", raising=False)
    return Command(monkeypatch, capsys).with_settings(
        LIFECYCLE_CAMPAIGNS_DIR=str(folder / "campaigns"), LIFECYCLE_TEMPLATES_DIR=str(folder / "templates"),
        LIFECYCLE_TOPICS_FILE=str(folder / "topics.yaml"), LIFECYCLE_BRAND_FILE=str(folder / "brand.yaml"),
    )  # fmt: skip


def change(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for right, wrong in changes:
        assert right in text, right
        text = text.replace(right, wrong)
    path.write_text(text, encoding="utf-8")


def with_one_mail(path: Path) -> Path:
    """Leave a campaign its first mail alone, so that one template is checked."""
    path.write_text(path.read_text(encoding="utf-8").partition("  - {step: doubts")[0], encoding="utf-8")
    return path


WRONG = """\
campaign: cart_abandonned
owner: a
owner: b
description: Bring back carts left for an hour.
schedule: "hourly"
segment: {name: cart_abandoned, idle_minuts: 60, max_age_days: 4000}
goal: {event: orde, within_days: 5, from: 2028-01-01, until: 2027-03-31}
exit_on: [order, cart_emptid]
holdot: 0.05
topic: reminder
priority: 2026-13-45
reenter_after_days: 7
max_lateness_hours: 6
join_ahead_days: 2
send_window: {from: "08:00", to: 21:00}
steps:
  - {step: reminder, after_hours: 9, template: cart_abandoned/remindr}
  - {step: reminder, after_hours: 2, template: cart_abandoned/doubts, when: {sent: x, opned: reminder}}
  - step: incentive
    after_hours: 47
    template: cart_abandoned/incentive
    variants: {with_offer: 0.5, default: 0.4}
"""

TOLD = [
    (1, "the campaign is called 'cart_abandonned'"),
    (3, "'owner' is given twice: remove one"),
    (5, "'schedule': no moment matches this"),
    (6, "segment cart_abandoned has no parameter 'idle_minuts': did you mean 'idle_minutes'?"),
    (6, "segment cart_abandoned, parameter max_age_days: 4000 is out of range: write 1 to 365"),
    (7, "'goal.event' is 'orde': did you mean 'order'?"),
    (7, "'goal': `from` is later than `until`"),
    (8, "'exit_on.1' is 'cart_emptid': did you mean 'cart_emptied'?"),
    (9, "unknown key 'holdot': did you mean 'holdout'?"),
    (10, "no topic 'reminder': did you mean 'reminders'?"),
    (11, "'priority': 2026-13-45 is not a number or a date"),
    (14, "'join_ahead_days': join_ahead_days is for newer_occurrence: join"),
    (15, "'send_window.to': write the time in quotes"),
    (17, "step reminder: no template 'cart_abandoned/remindr': did you mean 'cart_abandoned/reminder'?"),
    (18, "unknown key 'steps.1.when.opned': did you mean 'opened'?"),
    (18, "'steps.1.step': two steps have the same name"),
    (18, "'steps.1.after_hours': steps are not in the order of after_hours"),
    (18, "'steps.1.when.sent': 'sent' takes the name of an earlier step, not 'x': choose one of reminder"),
    (22, "'steps.2.variants': the shares of variants add up to 0.9: make them 1"),
    (22, "'steps.2.variants.default': 'default' and 'holdout' are reserved"),
]


def told(err: str, file: str) -> list[tuple[int, str]]:
    """Return line and text of the problems of one file, in the order they were printed."""
    found = re.findall(rf"^{re.escape(file)}:(\d+): (.*)$", err, re.MULTILINE)
    return [(int(line), text) for line, text in found]


def test_no_problem_of_a_campaign_file_hides_another(check: Command, folder: Path) -> None:
    """Twenty things wrong in one file, of every kind, are told in one run: each once, by line."""
    (folder / "campaigns/cart_abandoned.yaml").write_text(WRONG, encoding="utf-8")
    status, out, err = check("campaign", "check", "cart_abandoned")
    found = told(err, "cart_abandoned.yaml")
    assert (status, out) == (1, "")
    assert [line for line, _ in found] == [line for line, _ in TOLD]
    assert [text for (_, text), (_, said) in zip(found, TOLD, strict=True) if not text.startswith(said)] == []
    assert err.splitlines()[-1] == "20 problems in 1 file"


def test_no_file_hides_another(check: Command, folder: Path) -> None:
    """Topics, brand, campaigns and templates are told together. A campaign of a topic that is wrong itself is not
    told that there is no such topic, and a file that is no YAML costs the others nothing."""
    change(folder / "topics.yaml", ("kind: marketing", "kind: markting"), ("in_doubt: resend", "in_dout: resend"))
    change(folder / "brand.yaml", ('"#1f6f50"', "green"), ("currency: USD", "currency: dollars"))
    change(folder / "campaigns/birthday.yaml", ("topic: offers", "topic: offer"))
    change(folder / "campaigns/cart_abandoned.yaml", ("campaign: ", "campaign: [ "))
    change(folder / "campaigns/win_back.yaml", ("days: 90}", "days: ninety}"))
    status, _, err = check("campaign", "check")
    files = [line.partition(":")[0] for line in err.splitlines() if not line.startswith("warning: ")]
    assert status == 1
    topics = (folder / "topics.yaml").read_text(encoding="utf-8").count("markting") + 1
    assert files == [
        *["topics.yaml"] * topics, "brand.yaml", "brand.yaml", "birthday.yaml",
        "cart_abandoned.yaml", "win_back.yaml", f"{topics + 5} problems in 5 files",
    ]  # fmt: skip
    assert "'kind' is 'markting': did you mean 'marketing'?" in err
    assert "unknown key 'in_dout': did you mean 'in_doubt'?" in err
    assert "no topic 'offer': did you mean 'offers'?" in err


def test_no_problem_of_a_template_hides_another(check: Command, folder: Path) -> None:
    """A file that cannot be parsed, an unknown field, a missing word, a broken sample and a picture without words are
    told together, each at its own line, under the step that uses the template."""
    reminder, doubts = (folder / "templates/cart_abandoned" / step for step in ("reminder", "doubts"))
    change(reminder / "subject.txt", ("{% slot subject %}", "{% slot subject %}{% if %}"))
    change(reminder / "body.mjml", ("context.item_count", "context.item_cuont"), ('t(".title")', 't(".titel")'))
    change(doubts / "sample.json", ('"context"', "context"))
    change(doubts / "body.mjml", ('t(".title")', 't(".titel")'))
    win_back = folder / "templates/win_back/miss_you/body.mjml"
    change(win_back, ("{{ t(\".choice\") }}", "{{ t(\".choise\") }}"), ("mj-divider", "mj-devider"))
    status, _, err = check("campaign", "check")
    assert status == 1
    of_carts = [text.partition(": ")[2] for _, text in told(err, "cart_abandoned.yaml")]
    assert [text.split(" (did")[0].split(";")[0] for text in of_carts] == [
        "cart_abandoned/reminder/subject.txt:1: Expected an expression, got 'end of statement block'",
        "cart_abandoned/reminder/body.mjml:14: slot items: context.item_cuont is not there",
        "cart_abandoned/reminder/body.mjml:15: slot items: context.item_cuont is not there",
        "cart_abandoned/reminder/body.mjml:5: no message cart_abandoned.reminder.titel in en.yaml",
        "cart_abandoned/doubts/sample.json:5: not JSON (Expecting property name enclosed in double quotes)",
        "cart_abandoned/doubts/body.mjml:5: no message cart_abandoned.doubts.titel in en.yaml",
    ]
    assert "MJML has no <mj-devider> (did you mean mj-divider?)" in err
    assert "no message win_back.miss_you.choise in en.yaml (did you mean win_back.miss_you.choice?)" in err


def test_what_a_finished_mail_shows_is_told_beside_what_reading_shows(check: Command, folder: Path) -> None:
    """A word that a preheader lacks does not hide that a picture has no words."""
    body = folder / "templates/win_back/miss_you/body.mjml"
    change(body, ("{% slot last %}", '<img src="https://x.example.com/a.png" />{% slot last %}'),
           ("context.last_product_name %}", "context.last_product_nam %}"))  # fmt: skip
    _, _, err = check("campaign", "check", "win_back")
    assert "context.last_product_nam is not there" in err
    assert "a picture has no alternative text" not in err  # it stops the rendering, so that no finished mail is there
    change(body, ("context.last_product_nam %}", "context.last_product_name %}"), ("mj-divider", "mj-devider"))
    _, _, err = check("campaign", "check", "win_back")
    assert "MJML has no <mj-devider>" in err
    assert "a picture has no alternative text" in err


def test_a_topics_file_tells_everything_and_is_refused_as_before(check: Command, folder: Path) -> None:
    """Unknown keys, topics, retired names and groups of the topics file are told together; reading it raises them."""
    path = folder / "topics.yaml"
    change(path, ("topics:\n  rem", "topcs: 1\nretired: [Old, {topic: x}]\nforeign_groups: [a]\ntopics:\n  rem"),
           ("sendgrid_group_id: 1002", "sendgrid_group_id: 1001"), ("cap: {mails: 1,", "cap: {mails: 0,"))  # fmt: skip
    _, _, err = check("campaign", "check", "birthday")
    lines = [text for _, text in told(err, "topics.yaml")]
    assert [text.partition(":")[0] for text in lines] == [
        "unknown key 'topcs'", "'retired'", "'retired'", "'foreign_groups' is a list of the numbers of unsubscribe "
        "groups of SendGrid that other applications use", *["'cap.mails'"] * path.read_text().count("cap: {mails: 0"),
    ]  # fmt: skip
    with pytest.raises(Exception, match="unknown key 'topcs'") as caught:
        read_topics(path)
    assert [line.partition(": ")[2] for line in str(caught.value).splitlines()] == lines


def test_a_file_with_another_ending_is_named(check: Command, folder: Path) -> None:
    """A campaign in a .yml file would never be read; the check warns, and finds nothing wrong."""
    (folder / "campaigns/welcome.yml").write_text(CART, encoding="utf-8")
    status, out, err = check("campaign", "check")
    assert (status, "nothing wrong" in out) == (0, True)
    assert err.startswith("warning: welcome.yml: this file is not read")


def test_a_page_that_the_brand_lacks_is_named(folder: Path, check: Command) -> None:
    """A template leads to pages of the shop by name: one that brand.yaml lacks is refused at its line, with the
    nearest right name, and so is an address there that is not https."""
    doubts = folder / "templates/cart_abandoned/doubts"
    change(doubts / "body.mjml", ("{% call hero(", "{{ brand.pages.helps }}{% call hero("))
    change(doubts / "body.txt", ("{{ t(\".close\") }}", "{{ brand.pages.help }}"))
    status, _, err = check("campaign", "check", "cart_abandoned")
    assert status == 1
    assert "brand.yaml has no page helps (did you mean help?); add it there below pages" in err
    assert "no page help;" not in err
    change(folder / "brand.yaml", ("help: https://shop.example.com/help\n", "help: http://shop.example.com/help\n"))
    assert "brand.yaml:18: 'pages.help' is 'http://shop.example.com/help': write the whole address" in check(
        "campaign", "check", "cart_abandoned"
    )[2]


def test_conditions_that_ask_rules_are_checked_as_rules_are(folder: Path, check: Command) -> None:
    """A segment that is not there, and an operator that the attribute does not take, are told at their lines, with
    the nearest right word."""
    change(
        folder / "campaigns/cart_abandoned.yaml",
        (
            "template: cart_abandoned/doubts}",
            "template: cart_abandoned/doubts,\n     when: {has: {is: country, at_least: 3}},\n"
            "     unless: {in_segment: inactiv}}",
        ),
    )
    status, _, err = check("campaign", "check", "cart_abandoned")
    (rule, why), (segment, which) = told(err, "cart_abandoned.yaml")
    assert (status, rule, segment) == (1, 17, 18)
    assert why == "country is no number, and has no at_least: write equals, in or not_in"
    assert which.startswith("no segment is called 'inactiv': did you mean 'inactive'?")


def test_what_a_step_recommends_and_what_its_mail_shows_belong_together(check: Command, folder: Path) -> None:
    """A step that recommends needs a mail that shows it, and the reverse; a wrong word gets the nearest right one."""
    home = folder / "templates" / "cart_abandoned" / "reminder"
    file = with_one_mail(folder / "campaigns" / "cart_abandoned.yaml")
    asked = ("campaign", "check", "cart_abandoned")
    change(file, ("cart_abandoned/reminder}", "cart_abandoned/reminder, recommend: {what: upgrad}}"))
    assert "'steps.0.recommend.what' is 'upgrad': did you mean 'upgrade'?" in check(*asked)[2]
    change(file, ("upgrad}", "upgrade}"))
    assert "does not show what `recommend` asks for" in check(*asked)[2]
    for body in ("body.mjml", "body.txt"):
        slot = "{% slot recommended %}{% for one in recommended %}{{ one.name }}{% endfor %}{% endslot %}"
        change(home / body, ('{{ t(".close") }}', '{{ t(".close") }}' + slot))
    product = '{"product_id": "p", "name": "Mug", "url": null, "image_url": null, "price": 1, "currency": "USD"}'
    cart = '"context": {\n    "cart_id"'
    change(home / "sample.json", (cart, f'"recommended": [{product}], {cart}'))
    assert check(*asked)[0] == 0
    change(file, (", recommend: {what: upgrade}", ""))
    assert "shows recommended products: say which" in check(*asked)[2]


def test_words_that_should_not_be_sent_are_told(folder: Path, check: Command) -> None:
    """A promise that the segment cannot keep and a link that is not encrypted are refused, at the step whose mail says
    so. A long subject and a phrase of spam are warnings, and nothing is refused for them."""
    words = folder / "templates/translations/en.yaml"
    doubts = folder / "templates/cart_abandoned/doubts"
    text = words.read_text(encoding="utf-8")
    begin = text.index("    doubts:")
    subject = re.search(r'      subject: "([^"]*)"', text[begin:])
    assert subject
    long = f'      subject: "Act now: {"x" * 60}"'
    words.write_text(text[:begin] + text[begin:].replace(subject[0], long, 1), encoding="utf-8")
    status, _, err = check("campaign", "check", "cart_abandoned")
    assert status == 0, err
    assert "cart_abandoned.doubts.subject has 69 characters, and phones show 60 at most: shorten it" in err
    assert "has 'Act now', which looks like spam (SpamAssassin ACT_NOW_CAPS): say it in other words" in err
    promise = '      subject: "Renew your points with one click, 10% off"'
    words.write_text(text[:begin] + text[begin:].replace(subject[0], promise, 1), encoding="utf-8")
    link = '<mj-text><a href="http://a.example.com">x</a></mj-text>'
    content = "{% block content %}"
    change(doubts / "body.mjml", (content, f"{content}<mj-section><mj-column>{link}</mj-column></mj-section>"))
    status, _, err = check("campaign", "check", "cart_abandoned")
    assert status == 1
    for said in ("promises 'one click'", "promises 'your points', it needs points", "promises '10% off', it needs"):
        assert f"cart_abandoned.doubts.subject {said}" in err
    assert "the link http://a.example.com is not encrypted; write https://" in err


def test_a_mail_that_asks_for_a_review_offers_nothing(folder: Path, check: Command) -> None:
    """A campaign whose goal is a review has no word of a gift or a discount in its mails."""
    change(folder / "campaigns/win_back.yaml", ("event: order", "event: review"))
    words = folder / "templates/translations/en.yaml"
    text = words.read_text(encoding="utf-8")
    begin = text.index("    miss_you:")
    subject = re.search(r'      subject: "([^"]*)"', text[begin:])
    assert subject
    gift = '      subject: "A gift for your review"'
    words.write_text(text[:begin] + text[begin:].replace(subject[0], gift, 1), encoding="utf-8")
    status, _, err = check("campaign", "check", "win_back")
    assert status == 1
    assert "win_back.miss_you.subject has 'gift': a mail that asks for a review offers nothing for it" in err


def test_a_mail_that_goes_again_needs_a_second_subject(check: Command, folder: Path) -> None:
    """A step with `resend` is refused at its line while its template has no second subject, and that file is read as
    the others of the template are."""
    file = with_one_mail(folder / "campaigns" / "cart_abandoned.yaml")
    with file.open("a", encoding="utf-8") as steps:
        steps.write("  - {step: again, resend: {of: reminder, after_hours: 9}}\n")
    told = check("campaign", "check", "cart_abandoned")[2]
    assert "step again: template 'cart_abandoned/reminder' has no second subject: add the file" in told
    second = folder / "templates" / "cart_abandoned" / "reminder" / "subject_again.txt"
    second.write_text("{{ t('.subjct') }}\n", encoding="utf-8")
    assert "subject_again.txt:1" in check("campaign", "check", "cart_abandoned")[2]
    second.write_text("Still there? {{ t('.subject') }}\n", encoding="utf-8")
    assert check("campaign", "check", "cart_abandoned")[0] == 0
