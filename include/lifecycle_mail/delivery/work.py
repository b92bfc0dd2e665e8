"""What there is to send: the shells that have mails to go, how each is written, and what stops it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import orjson
from pydantic import ValidationError
from sqlalchemy.engine import Connection, Row

from lifecycle_mail.campaigns import Campaign, Topic, topic_called
from lifecycle_mail.database import run
from lifecycle_mail.delivery.approvals import Approvals, is_approved
from lifecycle_mail.delivery.breakers import BreakerWatch
from lifecycle_mail.delivery.modes import is_example
from lifecycle_mail.delivery.pauses import pauses, sentence
from lifecycle_mail.errors import CampaignError, TemplateError
from lifecycle_mail.messages import Definitions, fresh_shell, rebind, shell_by
from lifecycle_mail.messages.shells import Shell
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.settings import Settings


@dataclass(frozen=True)
class ClaimSetup:
    """What every claim of one worker needs. `rejected` and `accepted` count this run's own mails by campaign."""

    settings: Settings
    topics: dict[str, Topic]
    library: TemplateLibrary
    worker: str
    breakers: BreakerWatch = field(default_factory=BreakerWatch)
    definitions: Definitions = field(default_factory=Definitions)
    rejected: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)

    @property
    def is_live(self) -> bool:
        """Whether mails go out as they were approved; outside live they go out as the files are now."""
        return self.settings.mode == "live"

    def library_of(self, connection: Connection, shell: Shell) -> TemplateLibrary:
        """Return the templates for the personal parts of a shell's mails."""
        if self.is_live and shell.definition_md5 is not None:
            return self.definitions.get(connection, shell.definition_md5).library
        return self.library

    def is_to_stop(self, connection: Connection, work: ShellWork, now: dt.datetime) -> bool:
        """Tell whether the campaign exceeds a limit just now."""
        name, limits = work.campaign.campaign, work.topic.limits
        own = (self.rejected[name], min(self.accepted[name], limits.minimum))
        return self.breakers.trip(connection, name, limits, own, now) is not None


@dataclass(frozen=True)
class ShellWork:
    """A shell with planned mails that may go. They are written with `written_shell_id`, which in a preview of a
    corrected
    template differs from the shell they still have. `definition_md5`: what they go out as; live needs its approval."""

    shell_id: int
    written_shell_id: int
    campaign: Campaign
    definition_md5: str | None
    step: str
    topic: Topic
    mails: int
    priority: int


def shells_with_work(
    connection: Connection, setup: ClaimSetup, now: dt.datetime
) -> tuple[list[ShellWork], set[str]]:
    """Return the shells that have mails to go, most important first, and why other campaigns have to wait.

    Planned mails get the shell that they are to go out with. A broken template or a missing topic stops its own mails,
    not the run.
    """
    works, waiting = [], set()
    held = _approvals(connection, setup)
    for row in rows_with_work(connection, now):
        try:
            work = _work(connection, setup, row, held)
        except (TemplateError, CampaignError) as error:
            waiting.add(f"campaign {row.campaign}: {error}")
            continue
        rebind(connection, work.shell_id, work.written_shell_id)
        works.append(replace(work, shell_id=work.written_shell_id))
    return works, waiting


def _approvals(connection: Connection, setup: ClaimSetup) -> Approvals | None:
    return Approvals(connection, setup.definitions) if setup.is_live else None


def rows_with_work(
    connection: Connection, now: dt.datetime, only_shell_id: int | None = None
) -> Sequence[Row[Any]]:
    """Return the shells (or the one) that have mails to go, most important first, in the columns of
    delivery/shells_with_work."""
    return run(connection, "delivery/shells_with_work", now=now, only_shell_id=only_shell_id).all()


def work_to_preview(connection: Connection, setup: ClaimSetup, row: Row[Any]) -> ShellWork:
    """Return a shell's work without changing its mails; corrected templates are shown, but no mail is rewritten.

    Raises:
        TemplateError: its template is broken.
        CampaignError: its topic is gone, or its definition cannot be read.
    """
    return _work(connection, setup, row, _approvals(connection, setup))


def shell_to_send(connection: Connection, setup: ClaimSetup, shell_id: int, now: dt.datetime) -> int:
    """Return the shell that planned mails of `shell_id` would go out with in live just now; no mail is rewritten.

    Raises:
        CampaignError: their definition cannot be read.
    """
    held = Approvals(connection, setup.definitions)
    for row in run(connection, "delivery/planned_shells", now=now, campaign=None):
        if row.shell_id == shell_id and (md5 := held.sent_as(row) or row.shell_definition_md5):
            definition = setup.definitions.get(connection, md5)
            return shell_by(connection, definition, shell_id, setup.settings.postal_address)
    return shell_id


def out_of_order(connection: Connection, setup: ClaimSetup, now: dt.datetime) -> list[tuple[str, str]]:
    """Return (campaign, reason) for each campaign whose mails wait for its template or topic; change nothing."""
    found = set()
    held = _approvals(connection, setup)
    for row in rows_with_work(connection, now):
        if not row.unexpired_mails:  # all of them are stale
            continue
        try:
            _work(connection, setup, row, held)
        except (TemplateError, CampaignError) as error:
            found.add((str(row.campaign), str(error)))
    return sorted(found)


def _work(connection: Connection, setup: ClaimSetup, row: Row[Any], held: Approvals | None) -> ShellWork:
    """Return a shell's work: in live from the definition its mails go out as, otherwise from the files as they are."""
    md5 = row.shell_definition_md5
    if held is not None and (md5 := held.sent_as(row) or md5):
        return _defined_work(connection, setup, row, md5)
    topic = _topic(setup, row.topic)
    written = row.shell_id if held is not None else fresh_shell(connection, setup.library, row.shell_id)
    campaign = published_campaign(row.definition_md5, row.definition)
    return ShellWork(row.shell_id, written, campaign, md5, row.step, topic, row.mails, row.priority)


def _defined_work(connection: Connection, setup: ClaimSetup, row: Row[Any], definition_md5: str) -> ShellWork:
    definition = setup.definitions.get(connection, definition_md5)
    present = _topic(setup, definition.campaign.topic)
    topic = definition.topic_in(setup.topics)
    if any(map(is_example, topic.own_addresses)) and not any(map(is_example, present.own_addresses)):
        raise CampaignError(
            "the definition of these mails has a sender of example.com, and topics.yaml has a real one since: run "
            f"`campaign approve {row.campaign} --by WHO`"
        )
    written = shell_by(connection, definition, row.shell_id, setup.settings.postal_address)
    return ShellWork(
        row.shell_id, written, definition.campaign, definition_md5, row.step, topic, row.mails, row.priority
    )


def _topic(setup: ClaimSetup, name: str) -> Topic:
    topic = topic_called(setup.topics, name)
    if topic is None:
        raise CampaignError(
            f"topic '{name}' is not in topics.yaml any more: put it back, or let these mails end as stale"
        )
    return topic


def published_campaign(definition_md5: str, definition: Any) -> Campaign:
    """Return a campaign as it was last published: `definition` of journey.campaign.

    Raises:
        CampaignError: it cannot be read.
    """
    return _campaign(definition_md5, orjson.dumps(definition))


@lru_cache(maxsize=256)
def _campaign(definition_md5: str, definition: bytes) -> Campaign:  # noqa: ARG001 - the cache's key
    try:
        return Campaign.model_validate(orjson.loads(definition))
    except ValidationError:
        raise CampaignError("its published definition is of another version: run `campaign plan` once") from None


def stopped(connection: Connection, setup: ClaimSetup, work: ShellWork) -> str | None:
    """Return why nothing of this campaign may go now, or None."""
    for held in pauses(connection, work.campaign.campaign):
        return sentence(held)
    if setup.is_live and not is_approved(connection, work.definition_md5):
        return f"not approved: campaign {work.campaign.campaign}"
    return None
