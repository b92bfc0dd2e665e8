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
from lifecycle_mail.messages.states import MessageKey
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


@dataclass(frozen=True)
class MailOutlook:
    """What a claim would do with one planned mail. `not_before`: its first permitted moment as it was planned."""

    campaign: str
    step: str
    not_before: dt.datetime
    says: str


def outlook_of_mails(
    engine: Engine, settings: Settings, topics: dict[str, Topic], customer_id: str, now: dt.datetime
) -> list[MailOutlook]:
    """Return what a claim would do with each planned mail of a customer, at `now` or at its first permitted moment.

    The claim is made and rolled back, as in a preview.
    """
    setup = ClaimSetup(settings, topics, TemplateLibrary(settings.templates_dir), "why")
    with engine.connect() as connection:
        mails = run(connection, "delivery/planned_of_customer", customer_id=customer_id).all()
    return [
        MailOutlook(mail.campaign, mail.step, mail.not_before, _outlook(engine, setup, mail, now)) for mail in mails
    ]


def _outlook(engine: Engine, setup: ClaimSetup, mail: Row[Any], now: dt.datetime) -> str:
    if mail.not_before > now:
        return f"waits until then; {_claimed_at(engine, setup, mail, mail.not_before)}"
    return _claimed_at(engine, setup, mail, now)


def _claimed_at(engine: Engine, setup: ClaimSetup, mail: Row[Any], at: dt.datetime) -> str:
    with engine.connect() as connection:
        shells = rows_with_work(connection, at, mail.shell_id)
    if not shells:
        return "does not go: its topic has ended"
    line = _line_of(engine, setup, shells[0], at, MessageKey(mail.enrollment_id, mail.step))
    if line.stopped:
        return f"waits: {line.stopped}"
    if line.ended:
        return f"would be cancelled: {', '.join(line.ended)}"
    if line.postponed:
        return "would wait: the recipient's hours are over, the day is full, or the cart has just changed"
    return "would go" if line.would_go else "a delivery holds this mail: look again in a moment"


def _line_of(
    engine: Engine, setup: ClaimSetup, row: Row[Any], now: dt.datetime, only: MessageKey | None = None
) -> PreviewLine:
    with engine.connect() as connection, connection.begin() as transaction:
        run(connection, "delivery/wait_briefly")
        try:
            work = work_to_preview(connection, setup, row)
            claimed = claim_in(connection, setup, Batch(work, now, only=only))
            return _line(work, claimed, stopped(connection, setup, work))
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
