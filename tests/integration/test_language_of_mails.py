"""The language of a mail: planning and previews know one rule."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from builders import NOON, rows
from lifecycle_mail.command_line.mails import Asked, _as_now
from lifecycle_mail.decisions import decide
from lifecycle_mail.delivery import preview
from lifecycle_mail.journeys import advance, enroll, publish
from lifecycle_mail.messages import write_messages
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.settings import Settings
from planning import BRAND, campaign_of, members, topic_of
from reader_locales import LANGUAGES, READ, templates_in

PLANNED = """
select m.customer_id, s.language
from message.message as m inner join message.shell as s on m.shell_id = s.shell_id
"""


def plan(engine: Engine, library: TemplateLibrary) -> dict[str, int]:
    """Plan the cart campaign with these templates; returns what was written."""
    campaign, topic = campaign_of(), topic_of()
    publish(engine, campaign, topic)
    enroll(engine, campaign, NOON)
    advance(engine, campaign, NOON)
    decide(engine, campaign, topic, NOON, NOON)
    return write_messages(engine, campaign, topic, library, BRAND, NOON).counts()


def planned(engine: Engine) -> dict[str, str]:
    """Return customer → language of the planned mail."""
    with engine.connect() as connection:
        return {str(customer): str(language) for customer, language in rows(connection, PLANNED)}


def test_a_planned_mail_has_the_language_of_its_preview(warehouse: Engine, tmp_path: Path) -> None:
    """Whatever a shop writes as a locale, the planned mail has the language that the table says, and so has a preview
    of a mail that is not planned. Locales of one language share one shell, and planning again changes nothing."""
    library = TemplateLibrary(templates_in(tmp_path / "templates", *LANGUAGES))
    people = {f"c{number}": locale for number, locale in enumerate(READ)}
    for customer_id, locale in people.items():
        members(warehouse, customer_id, locale=locale or None)

    counts = plan(warehouse, library)

    assert (counts["messages"], counts["shells"]) == (len(READ), len(set(READ.values())))
    assert {people[customer]: language for customer, language in planned(warehouse).items()} == READ
    assert {locale: library.language_for(locale, BRAND.language) for locale in READ} == READ
    for locale in ("pt-BR", "zh-Hant-TW", "HE-IL", "zh-TW", "iw-IL"):
        campaign = campaign_of()
        shell = _as_now(library, BRAND, campaign, Asked(campaign.steps[0]), locale, "EUR")
        assert shell.language == READ[locale]
    previewed = Counter[str]()
    settings = Settings(database_url="postgresql://unused", templates_dir=tmp_path / "templates")
    for line in preview(warehouse, settings, {"reminders": topic_of()}, now=NOON):
        previewed[line.language] += line.would_go
    assert previewed == Counter(READ.values())
    again: dict[str, Any] = plan(warehouse, library)
    assert again["messages"] == 0
    assert {people[customer]: language for customer, language in planned(warehouse).items()} == READ


def test_a_planned_mail_keeps_its_language(warehouse: Engine, tmp_path: Path) -> None:
    """A mail has the language that its recipient had when it was decided. One who changes it reads the next mail so."""
    library = TemplateLibrary(templates_in(tmp_path / "templates", "th", "fa"))
    members(warehouse, "before", "between", locale="th-TH")
    plan(warehouse, library)
    with warehouse.begin() as connection:
        connection.execute(sa.text("update source.customer set locale = 'fa-IR' where customer_id = 'between'"))
    members(warehouse, "after", locale="fa-IR")

    plan(warehouse, library)

    assert planned(warehouse) == {"before": "th", "between": "th", "after": "fa"}
    settings = Settings(database_url="postgresql://unused", templates_dir=tmp_path / "templates")
    lines = preview(warehouse, settings, {"reminders": topic_of()}, now=NOON)
    assert {line.language: line.would_go for line in lines} == {"th": 2, "fa": 1}
    html = {line.language: line.sample.html for line in lines if line.sample}
    assert ('<html lang="th" dir="ltr"' in html["th"], '<html lang="fa" dir="rtl"' in html["fa"]) == (True, True)
