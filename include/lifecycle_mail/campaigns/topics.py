"""The topics file: what mails are about, the former names of topics, and the topics that have ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lifecycle_mail.campaigns.building import build, did_you_mean
from lifecycle_mail.campaigns.documents import Document, read_document, shown
from lifecycle_mail.campaigns.models import Name, Topic
from lifecycle_mail.errors import CampaignError

_KEYS = ("topics", "retired")
_NAME: TypeAdapter[str] = TypeAdapter(Name)


class Topics(dict[str, Topic]):
    """The topics of a file by name, and `retired`: names of topics that have ended."""

    def __init__(self, topics: dict[str, Topic], retired: Iterable[str] = ()) -> None:
        super().__init__(topics)
        self.retired = tuple(retired)

    @property
    def former(self) -> dict[str, str]:
        """Former name → the name the topic has now."""
        return {old: name for name, topic in self.items() for old in topic.renamed_from}


def topic_called(topics: Mapping[str, Topic], name: str) -> Topic | None:
    """Return the topic whose present or former name is `name`; None if the file has no such topic."""
    former = topics.former if isinstance(topics, Topics) else {}
    return topics.get(former.get(name, name))


def read_topics(path: Path) -> Topics:
    """Read include/topics.yaml.

    Raises:
        CampaignError: as for campaigns.
    """
    document = read_document(path)
    entries = document.value.get("topics") if isinstance(document.value, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise CampaignError(f"{path.name}:1: the file has no topics: begin with 'topics:' and one entry per topic")
    _refuse_unknown_keys(document, path)
    built = {name: build(Topic, document, path, at=("topics", name), extra={"topic": name}) for name in entries}
    topics = Topics(built, _retired(document, path))
    for problem in (*_shared_groups(topics, document, path), *_names_used_twice(topics, document, path)):
        raise CampaignError(problem)
    return topics


def _refuse_unknown_keys(document: Document, path: Path) -> None:
    for key in document.value:
        if key not in _KEYS:
            line = document.line((key,))
            raise CampaignError(f"{path.name}:{line}: unknown key '{shown(key)}'{did_you_mean(shown(key), _KEYS)}")


def _retired(document: Document, path: Path) -> list[str]:
    """Return the names of the file's list `retired`."""
    names = document.value.get("retired")
    if names is None:
        return []
    if not isinstance(names, list):
        line = document.line(("retired",))
        raise CampaignError(f"{path.name}:{line}: 'retired' is a list of topics that have ended: write [name, …]")
    for place, name in enumerate(names):
        if not _is_name(name):
            line = document.line(("retired", place))
            raise CampaignError(f"{path.name}:{line}: 'retired': '{shown(name)}' is not a name of a topic: write one")
    return names


def _is_name(value: Any) -> bool:
    try:
        return bool(_NAME.validate_python(value))
    except ValidationError:
        return False


def _shared_groups(topics: Topics, document: Document, path: Path) -> Iterator[str]:
    """Yield topics that share a group of SendGrid: an opt-out from a group must say which topic the person left."""
    owners: dict[int, str] = {}
    for name, topic in topics.items():
        if topic.sendgrid_group_id is None:
            continue
        owner = owners.setdefault(topic.sendgrid_group_id, name)
        if owner != name:
            line = document.line(("topics", name, "sendgrid_group_id"))
            yield (
                f"{path.name}:{line}: topics.{name}.sendgrid_group_id: {topic.sendgrid_group_id} is already the group"
                f" of '{owner}': make a separate group at SendGrid"
            )


def _names_used_twice(topics: Topics, document: Document, path: Path) -> Iterator[str]:
    """Yield names with two meanings: a name means one topic for ever, because links in old mails carry it."""
    owners = {name: f"a topic of this file, '{name}'" for name in topics}
    places: list[tuple[tuple[str | int, ...], str, str]] = [
        (("topics", name, "renamed_from"), old, f"what '{name}' was called before")
        for name, topic in topics.items()
        for old in topic.renamed_from
    ]
    places += [(("retired", place), name, "retired") for place, name in enumerate(topics.retired)]
    for where, name, owner in places:
        if name in owners:
            yield (
                f"{path.name}:{document.line(where)}: '{name}' cannot be {owner}: it is already {owners[name]}: "
                "remove it from one of the two"
            )
        owners.setdefault(name, owner)
