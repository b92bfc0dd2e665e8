"""Mails that wait although no operator paused them: for an approval, or for a correct template or topic.

A delivery goes on with all other mails and succeeds, and in the end the waiting mails expire. So they are reported
here.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable

from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.campaigns import Topic
from lifecycle_mail.delivery.approvals import Approval, approvals, readable, unapproved_shells
from lifecycle_mail.delivery.pauses import campaign_scope, pauses
from lifecycle_mail.delivery.work import ClaimSetup, out_of_order
from lifecycle_mail.errors import LifecycleError
from lifecycle_mail.messages import Definition, Definitions
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.moments import minute
from lifecycle_mail.settings import Settings

# Reads a campaign's definition from its files; None = it has no file any more.
Read = Callable[[str], Definition | None]


def waits(
    engine: Engine,
    settings: Settings,
    topics: dict[str, Topic],
    now: dt.datetime,
    campaign: str | None = None,
    read: Read = lambda name: None,
) -> list[str]:
    """Return a sentence for each campaign (or the one) whose planned mails wait: for what, and what to do.

    In live this also names a campaign whose files, as `read` returns them, differ from what was approved: its mails go
    on, and the changes wait. A paused campaign is left out, because it waits for that first. In mode preview nothing is
    sent, so nothing waits. Only live sending needs approvals.
    """
    if settings.mode == "preview":
        return []
    setup = ClaimSetup(settings, topics, TemplateLibrary(settings.templates_dir), "waits")
    with engine.connect() as connection, connection.begin() as transaction:
        found = _unapproved(connection, now) if settings.mode == "live" else []
        found += _changed(connection, campaign, read) if settings.mode == "live" else []
        found += [(name, f"mails of campaign {name} wait: {why}") for name, why in out_of_order(connection, setup, now)]
        held = {one.scope for one in pauses(connection)}
        transaction.rollback()  # a corrected template was rendered only to check that it can be
    return [
        said
        for name, said in found
        if campaign in (None, name) and not held & {"all", campaign_scope(name)}
    ]


def _unapproved(connection: Connection, now: dt.datetime) -> list[tuple[str, str]]:
    """Return (campaign, sentence) for each campaign with planned, unexpired mails that wait for an approval."""
    mails: Counter[str] = Counter()
    carried: dict[str, set[str | None]] = {}
    for shell in unapproved_shells(connection, now):
        mails[shell.campaign] += shell.unexpired_mails
        carried.setdefault(shell.campaign, set()).add(shell.shell_definition_md5)
    newest = {one.campaign: one for one in reversed(approvals(connection))}
    return [
        (
            name,
            f"{count} planned mails of campaign {name} wait for an approval of its present definition, until they "
            f"expire: read its files{_changes(connection, carried[name], newest.get(name))}, then run "
            f"`campaign approve {name} --by WHO`, or run `campaign pause {name}` to stop it",
        )
        for name, count in sorted(mails.items())
        if count
    ]


def _changes(connection: Connection, carried: set[str | None], approved: Approval | None) -> str:
    """Return in brackets what differs between the definitions that mails carry and the approved one."""
    known = Definitions()
    before = None if approved is None else readable(connection, known, approved.definition_md5)
    found = [readable(connection, known, md5) for md5 in carried if md5 is not None]
    return listed(name for one in found if one and before for name in one.changed_since(before))


def listed(changes: Iterable[str]) -> str:
    """Return the names of the changed parts as part of a sentence; an empty text if there are none."""
    names = sorted(set(changes))
    return f" (changed: {', '.join(names)})" if names else ""


def _changed(connection: Connection, campaign: str | None, read: Read) -> list[tuple[str, str]]:
    """Return (campaign, sentence) for each approved campaign whose files have changed since its approval."""
    newest = {one.campaign: one for one in reversed(approvals(connection, campaign))}
    known = Definitions()
    found = []
    for name, approval in sorted(newest.items()):
        try:
            present = read(name)
            if present is None or present.md5 == approval.definition_md5:
                continue
            changes = listed(present.changed_since(known.get(connection, approval.definition_md5)))
            found.append((name, _goes_on(approval, f"changed and are not approved{changes}")))
        except LifecycleError as error:
            found.append((name, _goes_on(approval, f"cannot be read ({error})")))
    return found


def _goes_on(approval: Approval, what: str) -> str:
    return (
        f"the files of campaign {approval.campaign} {what}: its mails go on as approved at "
        f"{minute(approval.approved_at)}; read the files, then run "
        f"`campaign approve {approval.campaign} --by WHO`, or restore the approved files"
    )
