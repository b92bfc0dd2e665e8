"""Preview: render what would go, show it, and leave every state as it was."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from sqlalchemy.engine import Engine

from lifecycle_mail.campaigns import Topic
from lifecycle_mail.delivery.claims import Claim, ShellWork, Workbench, claim_in, shells_with_work, stopped
from lifecycle_mail.delivery.requests import MAX_RECIPIENTS, substitutions
from lifecycle_mail.messages.shells import RenderedMail, rebuild
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.settings import Settings


@dataclass(frozen=True)
class PreviewLine:
    """One shell's planned mails: how many wait, what became of the first 1,000 when asked, one of them rendered."""

    campaign: str
    step: str
    variant: str
    language: str
    waiting: int
    would_go: int
    ended: Counter[str]
    postponed: int
    stopped: str | None
    sample: RenderedMail | None


def preview(
    engine: Engine, settings: Settings, topics: dict[str, Topic], *, now: dt.datetime
) -> list[PreviewLine]:
    """Judge and render the first batch of every shell in a transaction that is rolled back."""
    bench = Workbench(settings, topics, TemplateLibrary(settings.templates_dir), "preview")
    with engine.connect() as connection, connection.begin() as transaction:
        lines = [
            _line(
                work,
                claim_in(connection, bench, work, now, MAX_RECIPIENTS),
                stopped(connection, bench, work),
            )
            for work in shells_with_work(connection, bench, now)[0]
        ]
        transaction.rollback()
    return lines


def _line(work: ShellWork, claimed: Claim, held: str | None) -> PreviewLine:
    sample, variant, language = None, "", ""
    if attempt := claimed.attempt:
        first = attempt.mails[0]
        sample = rebuild(attempt.shell, substitutions(first), first.subject)
        variant, language = attempt.shell.variant or "", attempt.shell.language
    return PreviewLine(
        campaign=work.campaign.campaign,
        step=work.step,
        variant=variant,
        language=language,
        waiting=work.mails,
        would_go=(len(attempt.mails) if attempt else 0) + len(claimed.alone),
        ended=claimed.ended,
        postponed=claimed.postponed,
        stopped=held,
        sample=sample,
    )
