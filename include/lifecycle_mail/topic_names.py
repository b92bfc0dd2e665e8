"""Topics by name: compare the topics file with the names that opt-outs, mails and campaigns carry.

Between the stages and the pipeline. Opt-outs name a topic, and so do links in mails that were sent years ago. A name
therefore means one topic for ever. `installation.topic` keeps what the file says of each name. When an installation
with a new file first opens, rows that the stages stored under a former name are renamed in one transaction.
docs/decisions/0028 says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson
from sqlalchemy.engine import Connection, Engine, Row

from lifecycle_mail import events, journeys, messages
from lifecycle_mail.campaigns import Topics
from lifecycle_mail.database import lock, run
from lifecycle_mail.errors import CampaignError


@dataclass(frozen=True)
class TopicName:
    """One name. `became`: what its topic is called now (None = the same). `is_retired`: the topic has ended.

    `accepts_pending`: its mails may ask for a confirmation. Of an ended topic it stays as it was.
    """

    topic: str
    became: str | None = None
    is_retired: bool = False
    accepts_pending: bool = False


@dataclass(frozen=True)
class _Known:
    """A name in the warehouse: recorded before, or used by a shell or a campaign."""

    name: TopicName
    is_noted: bool
    is_used: bool


def agree(warehouse: Engine, topics: Topics, file_name: str) -> None:
    """Record what the topics file says of each name, and rename what was stored under former names.

    Which topic each unsubscribe group belongs to is recorded too. If nothing changed, this only reads four small
    tables. Otherwise runs take turns, and a name or group is changed only after a running ingest has ended. A kill
    leaves all of the change or none, and the next opening repeats it.

    Raises:
        CampaignError: a topic with opt-outs or mails is gone from the file, or a name would mean two topics; one line
            per problem, and nothing was changed.
    """
    with warehouse.connect() as connection:
        if _is_agreed(_known(connection), topics) and not _group_news(connection, topics):
            return
    with warehouse.begin() as connection:
        lock(connection, "topics")
        known = _known(connection)
        stated = _stated(known, topics)
        gone, renamed = [one for one in known if one not in stated], _renamed(known, stated)
        _refuse_ambiguous(known, topics, file_name)
        groups = _group_news(connection, topics)
        if gone or renamed or groups or _returned(known, stated):
            # Opt-outs are taken under this lock, so none can come in under a name that is changing.
            lock(connection, "ingest")
        _refuse_lost(connection, gone, file_name)
        _rename(connection, renamed)
        run(connection, "installation/note_topics", names=_json(stated.values()))
        if groups:
            run(connection, "installation/note_groups", groups=_owners_json(topics))
        events.regroup(connection)


def _known(connection: Connection) -> dict[str, _Known]:
    return {row.topic: _read(row) for row in run(connection, "installation/topic_names")}


def _read(row: Row[Any]) -> _Known:
    return _Known(TopicName(row.topic, row.became, row.is_retired, row.accepts_pending), row.is_noted, row.is_used)


def _is_agreed(known: dict[str, _Known], topics: Topics) -> bool:
    stated = _stated(known, topics)
    noted = {name: one.name for name, one in known.items() if one.is_noted}
    return noted == stated and known.keys() == stated.keys() and not _renamed(known, stated)


def _group_news(connection: Connection, topics: Topics) -> dict[int, str | None]:
    """Return the unsubscribe groups about which the file says something new; None = another application's, or, if it is
    not named any more, whose it is is unknown.

    A group that a topic had, and that the file does not name, stays the topic's: mails that were sent carry it.
    """
    noted = {row.group_id: row.topic for row in run(connection, "installation/topic_groups")}
    stated = topics.group_owners
    new = {group: owner for group, owner in stated.items() if group not in noted or noted[group] != owner}
    return new | {group: None for group, owner in noted.items() if owner is None and group not in stated}


def _stated(known: dict[str, _Known], topics: Topics) -> dict[str, TopicName]:
    """Return every name to record, with what the file says of it."""
    stated = {name: TopicName(name) for name in topics}
    stated |= {old: TopicName(old, became=name) for old, name in topics.former.items()}
    stated |= {name: TopicName(name, is_retired=True) for name in topics.retired}
    for name, one in known.items():
        # A name that the file does not mention any more follows the topic that it became.
        present = topics.former.get(one.name.became or "", one.name.became)
        if present in stated and (name not in stated or stated[name].is_retired):
            stated[name] = TopicName(name, present, name in topics.retired)
    return {name: replace(one, accepts_pending=_accepts_pending(one, known, topics)) for name, one in stated.items()}


def _accepts_pending(said: TopicName, known: dict[str, _Known], topics: Topics) -> bool:
    topic = topics.get(said.became or said.topic)
    if topic is not None:
        return "pending" in topic.permissions
    return said.topic in known and known[said.topic].name.accepts_pending


def _renamed(known: dict[str, _Known], stated: dict[str, TopicName]) -> dict[str, str]:
    """Return former name → present name, for the names under which something may be stored."""
    renamed = {}
    for name, one in stated.items():
        before = known.get(name)
        if one.became and (before is None or before.is_used or before.name.became != one.became):
            renamed[name] = one.became
    return renamed


def _refuse_ambiguous(known: dict[str, _Known], topics: Topics, file_name: str) -> None:
    """Refuse a name that was given away: opt-outs under it belong to the topic that had it."""
    problems = []
    for name, one in known.items():
        target = name if name in topics else topics.former.get(name)
        owner = one.name.became
        if target is None or owner in (None, target) or topics.former.get(str(owner)) == target:
            continue
        if owner in topics or owner in topics.retired or owner in topics.former:
            use = "needs another name" if name in topics else f"cannot be `renamed_from` of '{target}'"
            problems.append(
                f"{file_name}: topic '{name}' became '{owner}', and old opt-outs and links still carry the name: "
                f"'{name}' {use}"
            )
    if problems:
        raise CampaignError("\n".join(problems))


def _refuse_lost(connection: Connection, gone: Sequence[str], file_name: str) -> None:
    """Refuse to lose opt-outs, mails or campaigns of a topic that the file does not mention."""
    if not gone:
        return
    problems = [
        f"{file_name}: topic '{row.topic}' is missing, but opt-outs ({row.opt_outs}), mails ({row.mails}) and "
        f"campaigns ({row.campaigns}) name it: write `renamed_from: {row.topic}` at its new name, "
        f"or `retired: [{row.topic}]` at the end of the file if it has ended"
        for row in run(connection, "installation/topic_uses", names=list(gone))
    ]
    if problems:
        raise CampaignError("\n".join(problems))


def _rename(connection: Connection, renamed: dict[str, str]) -> None:
    if not renamed:
        return
    former, present = list(renamed), list(renamed.values())
    journeys.rename_topics(connection, former, present)
    messages.rename_topics(connection, former, present)
    events.rename_topics(connection, former, present)


def _returned(known: dict[str, _Known], stated: dict[str, TopicName]) -> list[str]:
    """Return the topics that had ended and are there again."""
    return [name for name, one in known.items() if name in stated and one.name.is_retired > stated[name].is_retired]


def _owners_json(topics: Topics) -> str:
    return orjson.dumps([{"group_id": group, "topic": owner} for group, owner in topics.group_owners.items()]).decode()


def _json(names: Iterable[TopicName]) -> str:
    return orjson.dumps([asdict(one) for one in names]).decode()
