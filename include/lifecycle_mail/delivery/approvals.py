"""Approvals: which definition of a campaign may go out in live, and which definition its planned mails use.

An approval holds for exactly one definition. Approvals are a log: a revocation or another approval deletes nothing.
Only live sending needs approvals.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, Engine, Row

from lifecycle_mail.database import run, scalar
from lifecycle_mail.errors import CampaignError
from lifecycle_mail.messages import Definition, Definitions, load_definition
from lifecycle_mail.messages.states import end_revoked, end_unapproved


@dataclass(frozen=True)
class Approval:
    """One approval in force. `reading`: planned mails of earlier readings go out as this definition."""

    campaign: str
    definition_md5: str
    reading: int
    approved_at: dt.datetime
    approved_by: str


@dataclass(frozen=True)
class Revocation:
    """What a revocation did: its definition, the number of mails cancelled, and the approval that goes on, if any."""

    definition_md5: str
    cancelled: int
    goes_on: Approval | None


class Approvals:
    """The approvals in force at one moment, and their definitions."""

    def __init__(self, connection: Connection, known: Definitions, campaign: str | None = None) -> None:
        self._connection = connection
        self._known = known
        found = approvals(connection, campaign)
        self._approved = {one.definition_md5 for one in found}
        self.newest: dict[str, Approval] = {}
        for one in found:
            self.newest.setdefault(one.campaign, one)

    def sent_as(self, shell: Row[Any]) -> str | None:
        """Return the definition (checksum) that planned mails of `shell` go out as; None = the one they carry.

        `shell` has campaign, step, variant, language, shell_definition_md5 and reading. An approval replaces the mails'
        own definition if it came after that definition was read, and if its definition still has their step.
        """
        newest = self.newest.get(shell.campaign)
        if newest is None or newest.definition_md5 == shell.shell_definition_md5 or newest.reading <= shell.reading:
            return None
        definition = readable(self._connection, self._known, newest.definition_md5)
        if definition is None or not definition.has_place(shell.step, shell.variant, shell.language):
            return None
        return newest.definition_md5

    def permit(self, shell: Row[Any]) -> bool:
        """Tell whether planned mails of `shell` may go out, either as they are or as a newer approved definition."""
        return shell.shell_definition_md5 in self._approved or self.sent_as(shell) is not None


def readable(connection: Connection, known: Definitions, definition_md5: str) -> Definition | None:
    """Return a kept definition; None if another version of this product kept it, because this one cannot read it."""
    try:
        return known.get(connection, definition_md5)
    except CampaignError:
        return None


def approvals(connection: Connection, campaign: str | None = None) -> list[Approval]:
    """Return the approvals in force, the newest of each campaign first."""
    return [Approval(**row._mapping) for row in run(connection, "delivery/approvals", campaign=campaign)]


def is_approved(connection: Connection, definition_md5: str | None) -> bool:
    """Return whether exactly this definition was approved, and the approval is still in force."""
    return definition_md5 is not None and bool(scalar(connection, "delivery/approved", definition_md5=definition_md5))


def approved_definition(connection: Connection, campaign: str) -> Definition | None:
    """Return the definition of the campaign's newest approval in force, or None."""
    found = approvals(connection, campaign)
    return load_definition(connection, found[0].definition_md5) if found else None


def changed_since_approval(connection: Connection, definition: Definition) -> list[str]:
    """Return the names of the parts that differ from the last approved definition; none if nothing was approved."""
    found = approvals(connection, definition.campaign.campaign)
    before = readable(connection, Definitions(), found[0].definition_md5) if found else None
    return definition.changed_since(before) if before else []


def approve(
    engine: Engine, campaign: str, definition_md5: str, approved_by: str, at: dt.datetime, *, is_live: bool = False
) -> bool:
    """Approve the definition of `campaign` that was read for live sending; return False if it was approved already.

    If another definition was read or approved in between, a repeated approval becomes the newest again. With `is_live`,
    and if live mails went out before, mails that expired during the wait end as `unapproved` first: the approval came
    too late for them.

    Raises:
        CampaignError: another definition is the present one, so the approver has not read that one.
    """
    said = {"campaign": campaign, "definition_md5": definition_md5, "approved_by": approved_by, "now": at}
    with engine.begin() as connection:
        if is_live or scalar(connection, "delivery/is_live"):
            end_expired(connection, at, campaign)
        approval = run(connection, "delivery/approve", **said).one()
    if not approval.is_present:
        raise CampaignError(
            f"campaign {campaign}: the definition changed meanwhile: read the files again, then approve it"
        )
    return bool(approval.is_new)


def revoke(engine: Engine, campaign: str, revoked_by: str, because: str, at: dt.datetime) -> Revocation:
    """Revoke every approval of the definition that was approved last, and cancel the planned mails that carry it.

    Mails that a worker has claimed by then still go out. An earlier definition that was approved becomes the present
    one.

    Raises:
        CampaignError: no definition of the campaign is approved.
    """
    with engine.begin() as connection:
        held = approvals(connection, campaign)
        if not held:
            raise CampaignError(f"campaign {campaign} has no approval in force: there is nothing to revoke")
        md5 = held[0].definition_md5
        said = {"campaign": campaign, "revoked_by": revoked_by, "revoked_because": because, "now": at}
        run(connection, "delivery/revoke", definition_md5=md5, **said)
        cancelled = end_revoked(connection, md5, at)
    left = [one for one in held if one.definition_md5 != md5]
    return Revocation(md5, cancelled, left[0] if left else None)


def end_expired(connection: Connection, now: dt.datetime, campaign: str | None = None) -> int:
    """End planned mails that expired while they waited for an approval, as `unapproved`; return how many."""
    late = [shell.shell_id for shell in unapproved_shells(connection, now, campaign) if shell.expired_mails]
    return end_unapproved(connection, late, now)


def unapproved_shells(connection: Connection, now: dt.datetime, campaign: str | None = None) -> Sequence[Row[Any]]:
    """Return the shells whose planned mails wait for an approval, in the columns of delivery/planned_shells."""
    held = Approvals(connection, Definitions(), campaign)
    planned = run(connection, "delivery/planned_shells", now=now, campaign=campaign).all()
    return [shell for shell in planned if not held.permit(shell)]
