"""Preview: render the mails that would go, show them, and leave every state as it was."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Engine, Row
from sqlalchemy.exc import OperationalError

from lifecycle_mail.campaigns import Topic
from lifecycle_mail.database import run
from lifecycle_mail.delivery.claims import Claim, claim_in
from lifecycle_mail.delivery.picking import Batch
from lifecycle_mail.delivery.work import ClaimSetup, ShellWork, rows_with_work, stopped, work_to_preview
from lifecycle_mail.errors import CampaignError, TemplateError
from lifecycle_mail.messages.shells import RenderedMail, rebuild
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.settings import Settings


@dataclass(frozen=True)
class PreviewLine:
    """One shell's planned mails: how many wait, the outcome of the first 1,000 as judged now, and one rendered mail."""

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
    """Judge and render the first batch of every shell, each in a transaction of its own that is rolled back.

    It holds the locks of a claim, for one shell at a time, and waits at most two seconds for a delivery. The place that
    one shell would take in a person's day or week is not visible to the next shell.
    """
    setup = ClaimSetup(settings, topics, TemplateLibrary(settings.templates_dir), "preview")
    with engine.connect() as connection:
        rows = rows_with_work(connection, now)
    return [_line_of(engine, setup, row, now) for row in rows]


def _line_of(engine: Engine, setup: ClaimSetup, row: Row[Any], now: dt.datetime) -> PreviewLine:
    with engine.connect() as connection, connection.begin() as transaction:
        run(connection, "delivery/wait_briefly")
        try:
            work = work_to_preview(connection, setup, row)
            return _line(work, claim_in(connection, setup, Batch(work, now)), stopped(connection, setup, work))
        except (TemplateError, CampaignError) as error:
            return _waiting(row, str(error))
        except OperationalError:
            return _waiting(row, "a running delivery holds rows that this mail needs: try again in a moment")
        finally:
            transaction.rollback()


def _waiting(row: Row[Any], why: str) -> PreviewLine:
    return PreviewLine(row.campaign, row.step, "", "", row.mails, 0, Counter(), 0, why, None)


def _line(work: ShellWork, claimed: Claim, held: str | None) -> PreviewLine:
    sample, variant, language = None, "", ""
    if attempt := claimed.attempt:
        first = attempt.mails[0]
        sample = rebuild(attempt.shell, first.substitutions(), first.subject)
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
