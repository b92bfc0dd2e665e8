"""When a step is due and what follows the end of a series: what a campaign file may say, and what it is refused for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lifecycle_mail.campaigns import Campaign, json_schema, read_campaign
from lifecycle_mail.errors import CampaignError

HEAD = """\
campaign: visits
owner: lifecycle@example.com
description: Made up.
schedule: "0 * * * *"
segment: {name: cart_abandoned}
goal: {event: order, within_days: 5}
exit_on: [order, cart_emptied, unsubscribed]
topic: reminders
reenter_after_days: 7
max_lateness_hours: 6
steps:
  - {step: first, after_hours: 0, template: a/first}
"""


def written(folder: Path, more: str) -> Path:
    path = folder / "visits.yaml"
    path.write_text(HEAD + more, encoding="utf-8")
    return path


def read(folder: Path, more: str) -> Campaign:
    return read_campaign(written(folder, more))


def test_each_way_to_say_when_a_step_is_due(tmp_path: Path) -> None:
    """`after`, `at`, `on` with one date or several, and `send_at` with each."""
    campaign = read(
        tmp_path,
        """\
  - {step: later, after: {step: first, hours: 72}, template: a/later}
  - {step: before, at: {moment: starts_at, hours: -24}, send_at: "10:00", template: a/before}
  - {step: one_day, on: 2026-12-01, template: a/day}
  - {step: some_days, on: [2026-11-27, 2026-12-01], send_at: "09:30", template: a/day}
  - {step: morning, after_hours: 48, send_at: "10:00", template: a/morning}
""",
    )
    first, later, before, one_day, some_days, morning = campaign.steps
    assert later.after is not None
    assert (later.after.step, later.after.hours) == ("first", 72)
    assert before.at is not None
    assert (before.at.moment, before.at.hours, before.send_at) == ("starts_at", -24, dt.time(10))
    assert one_day.on == (dt.date(2026, 12, 1),)
    assert some_days.on == (dt.date(2026, 11, 27), dt.date(2026, 12, 1))
    assert [step.is_fixed for step in campaign.steps] == [True, False, False, False, False, False]
    assert (first.is_fixed, morning.is_fixed, campaign.is_fixed) == (True, False, False)
    assert Campaign.model_validate(campaign.definition()) == campaign


def test_resend_is_written_out(tmp_path: Path) -> None:
    """`resend` is the mail of that step again, after it was sent and not opened, with its own conditions besides."""
    short = read(
        tmp_path,
        "  - {step: again, resend: {of: first, after_hours: 72}, unless: {bought: true}}\n",
    )
    long = read(
        tmp_path,
        "  - {step: again, after: {step: first, hours: 72}, when: {sent: first}, "
        "unless: {opened: first, bought: true}, template: a/first, subject: again}\n",
    )
    assert short == long
    assert short.definition_md5() == long.definition_md5()


def test_what_follows_an_end(tmp_path: Path) -> None:
    """`on_end` takes one step or several, with or without a mail, and `sunset`."""
    campaign = read(
        tmp_path,
        """\
on_end:
  converted: {step: thanks, after_hours: 1, template: a/thanks}
  cart_emptied:
    - {step: why, after_hours: 2, template: a/why, unless: {opened: first}, alert: emptied}
    - {step: call, after_hours: 3, alert: call_them}
  completed: {sunset: {days: 14}}
""",
    )
    assert [(word, step.step, step.template, step.alert) for word, step in campaign.end_steps] == [
        ("converted", "thanks", "a/thanks", None),
        ("cart_emptied", "why", "a/why", "emptied"),
        ("cart_emptied", "call", "", "call_them"),
    ]
    assert [step.step for step in campaign.every_step] == ["first", "thanks", "why", "call"]
    assert [step.step for step in campaign.mails] == ["first", "thanks", "why"]
    assert campaign.definition()["on_end"]["completed"] == [{"sunset": {"days": 14.0}}]
    assert Campaign.model_validate(campaign.definition()) == campaign


def test_a_file_without_these_words_keeps_its_checksum(tmp_path: Path) -> None:
    """A campaign that says nothing of them is the campaign it was: its approval holds."""
    plain = read(tmp_path, "")
    assert "on_end" not in plain.definition()
    assert set(plain.definition()["steps"][0]) == {"step", "after_hours", "template", "when", "unless", "variants"}
    assert plain.is_fixed


@pytest.mark.parametrize(
    ("more", "line", "expected"),
    [
        ("  - {step: b, template: a/b}\n", 13,
         "'steps.1': it does not say when it is due: write one of after_hours, after, at, on"),
        ("  - {step: b, after_hours: 1, on: 2026-12-01, template: a/b}\n", 13,
         "a step has after_hours or on, not both"),
        ("  - {step: b, aftr: {step: first, hours: 1}, template: a/b}\n", 13,
         "unknown key 'steps.1.aftr': did you mean 'after'?"),
        ("  - step: b\n    template: a/b\n    after:\n      step: frist\n      hours: 1\n", 16,
         "there is no earlier step 'frist': did you mean 'first'?"),
        ("  - step: b\n    template: a/b\n    after:\n      step: first\n      hour: 1\n", 17,
         "unknown key 'steps.1.after.hour': did you mean 'hours'?"),
        ("  - {step: b, after: {step: b, hours: 1}, template: a/b}\n", 13, "there is no earlier step 'b'"),
        ("  - {step: b, after_hours: 1, send_at: 10:00, template: a/b}\n", 13, "write the time in quotes"),
        ("  - {step: b, on: 2026-13-01, template: a/b}\n", 13, "is not a number or a date"),
        ("  - {step: b, on: christmas, template: a/b}\n", 13, "'steps.1.on.0'"),
        ("  - {step: b, at: {moment: Starts, hours: -24}, template: a/b}\n", 13, "'steps.1.at.moment' is 'Starts'"),
        ("  - {step: b, resend: {of: frist, after_hours: 2}}\n", 13,
         "'steps.1.resend.of': there is no earlier step 'frist': did you mean 'first'?"),
        ("  - {step: b, after_hours: 1, template: a/b, variants: {x: 0.5, y: 0.5}}\n"
         "  - {step: c, resend: {of: b, after_hours: 2}}\n", 14, "'b' has variants"),
        ("on_end:\n  convrted: {step: t, after_hours: 1, template: a/t}\n", 14, "did you mean 'converted'?"),
        ("on_end:\n  order: {step: t, after_hours: 1, template: a/t}\n", 14,
         "'order' is the goal here: write converted"),
        ("on_end:\n  review: {step: t, after_hours: 1, template: a/t}\n", 14, "add 'review' to exit_on"),
        ("on_end:\n  converted:\n    step: t\n    after_hours: 1\n    temlate: a/t\n", 17,
         "unknown key 'on_end.converted.0.temlate': did you mean 'template'?"),
        ("on_end:\n  converted: {step: first, after_hours: 1, template: a/t}\n", 14, "two steps have the same name"),
        ("on_end:\n  any: {step: t, after_hours: 1}\n", 14, "it has neither a mail nor an alert"),
        ("on_end:\n  any: {step: t, at: {moment: x}, template: a/t}\n", 14, "counts from it: write after_hours"),
        ("on_end:\n  unsubscribed: {step: t, after_hours: 1, template: a/t}\n", 14, "no mail goes to one who is"),
        ("on_end:\n  completed: {sunset: {days: 0}}\n", 14, "'on_end.completed.0.sunset.days'"),
        ("on_end:\n  completed: {sunset: {day: 3}}\n", 14, "did you mean 'days'?"),
        ("on_end:\n  any: {step: t, after_hours: 1, alert: t, when: {opened: frst}}\n", 14, "'opened' takes the name"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_line_and_remedy(tmp_path: Path, more: str, line: int, expected: str) -> None:
    """Each mistake is refused; the message names file and the very line, and says what to write."""
    with pytest.raises(CampaignError) as caught:
        read(tmp_path, more)
    told = str(caught.value)
    assert expected in told
    assert f"visits.yaml:{line}:" in told


SCHEMA_STEPS = [
    ({"step": "b", "after_hours": 1, "template": "a/b"}, True),
    ({"step": "b", "after": {"step": "a", "hours": 1}, "template": "a/b"}, True),
    ({"step": "b", "at": {"moment": "x"}, "template": "a/b", "send_at": "10:00:00Z"}, True),
    ({"step": "b", "on": ["2026-12-01"], "template": "a/b"}, True),
    ({"step": "b", "on": "2026-12-01", "template": "a/b"}, True),
    ({"step": "b", "resend": {"of": "a", "after_hours": 1}}, True),
    ({"step": "b", "template": "a/b"}, False),
    ({"step": "b", "after_hours": 1, "at": {"moment": "x"}, "template": "a/b"}, False),
    ({"step": "b", "after_hours": 1}, False),
]


@pytest.mark.parametrize(("step", "is_right"), SCHEMA_STEPS)
def test_editors_know_what_a_step_may_say(step: dict[str, Any], is_right: bool) -> None:
    """The published JSON Schema asks for exactly one of the keys that say when a step is due."""
    schema = json_schema()
    errors = list(Draft202012Validator({"$ref": "#/$defs/Step", "$defs": schema["$defs"]}).iter_errors(step))
    assert (errors == []) is is_right


@pytest.mark.parametrize(
    ("on_end", "is_right"),
    [
        ({"converted": {"step": "t", "after_hours": 1, "template": "a/t"}}, True),
        ({"converted": [{"step": "t", "after_hours": 1, "alert": "t"}, {"sunset": {"days": 3}}]}, True),
        ({"convrted": {"sunset": {"days": 3}}}, False),
        ({"converted": {"step": "t", "after_hours": 1}}, False),
        ({"converted": {"step": "t", "at": {"moment": "x"}, "template": "a/t"}}, False),
    ],
)
def test_editors_know_what_may_follow_an_end(on_end: dict[str, Any], is_right: bool) -> None:
    """The published JSON Schema knows `on_end`, its words and its entries."""
    schema = json_schema()
    asked = {**schema["properties"]["on_end"], "$defs": schema["$defs"]}
    assert (list(Draft202012Validator(asked).iter_errors(on_end)) == []) is is_right
