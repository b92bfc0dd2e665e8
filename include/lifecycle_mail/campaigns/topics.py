"""The topics file: what mails are about, the former names of topics, the topics that have ended, and the unsubscribe
groups of the SendGrid account that belong to other applications."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lifecycle_mail.campaigns.building import did_you_mean, in_file_order, survey
from lifecycle_mail.campaigns.documents import Document, shown, survey_document
from lifecycle_mail.campaigns.models import Topic
from lifecycle_mail.campaigns.patterns import Name
from lifecycle_mail.errors import CampaignError

_KEYS = ("topics", "retired", "foreign_groups")
_RETIRED_KEYS = {"topic", "sendgrid_group_id"}
_LARGEST_GROUP = 2**63 - 1
_NAME: TypeAdapter[str] = TypeAdapter(Name)


class Topics(dict[str, Topic]):
    """The topics of a file by name.

    retired: names of topics that have ended. retired_groups: unsubscribe group → retired topic, where the file says so.
    foreign_groups: groups that other applications of the SendGrid account use. unread: topics of the file that are
    wrong, which only a survey leaves out.
    """

    def __init__(
        self,
        topics: dict[str, Topic],
        retired: Iterable[str] = (),
        retired_groups: Mapping[int, str] | None = None,
        foreign_groups: Iterable[int] = (),
        unread: Iterable[str] = (),
    ) -> None:
        super().__init__(topics)
        self.unread = tuple(unread)
        self.retired = tuple(retired)
        self.retired_groups = dict(retired_groups or {})
        self.foreign_groups = tuple(foreign_groups)

    @property
    def group_owners(self) -> dict[int, str | None]:
        """Every unsubscribe group that the file names → its topic; None = another application's."""
        owners: dict[int, str | None] = dict.fromkeys(self.foreign_groups)
        owners |= self.retired_groups
        return owners | {
            topic.sendgrid_group_id: name for name, topic in self.items() if topic.sendgrid_group_id is not None
        }

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
    topics, problems = survey_topics(path)
    if problems:
        raise CampaignError("\n".join(problems))
    return topics


def survey_topics(path: Path) -> tuple[Topics, list[str]]:
    """Return the topics of a file that can be read, and all that is wrong with the file, by line."""
    try:
        document = survey_document(path)
    except CampaignError as error:
        return Topics({}), str(error).splitlines()
    value = document.value if isinstance(document.value, dict) else {}
    entries = value.get("topics")
    problems = [*document.problems, *_unknown_keys(document, value, path)]
    if not isinstance(entries, dict) or not entries:
        said = f"{path.name}:1: the file has no topics: begin with 'topics:' and one entry per topic"
        return Topics({}), in_file_order([*problems, said], path)
    built = {}
    for name in entries:
        built[name], wrong = survey(Topic, document, path, at=("topics", name), extra={"topic": name})
        problems += wrong
    read = {name: topic for name, topic in built.items() if topic is not None}
    retired, retired_groups = _retired(document, path, problems)
    foreign = _foreign_groups(document, path, problems)
    topics = Topics(read, retired, retired_groups, foreign, unread=built.keys() - read.keys())
    problems += _shared_groups(topics, document, path)
    problems += _names_used_twice(topics, document, path)
    return topics, in_file_order(problems, path)


def topics_schema() -> dict[str, Any]:
    """Return the JSON Schema of the topics file, for editors."""
    schema = Topic.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})
    schema["required"].remove("topic")
    del schema["properties"]["topic"]
    group = {"type": "integer", "minimum": 1, "maximum": _LARGEST_GROUP}
    retired = {"topic": {"type": "string"}, "sendgrid_group_id": group}
    ended = {"type": "object", "properties": retired, "required": sorted(retired), "additionalProperties": False}
    return {
        "$defs": definitions,
        "type": "object",
        "properties": {
            "topics": {"type": "object", "additionalProperties": schema, "minProperties": 1},
            "retired": {"type": "array", "items": {"anyOf": [{"type": "string"}, ended]}},
            "foreign_groups": {"type": "array", "items": group},
        },
        "required": ["topics"],
        "additionalProperties": False,
    }


def _unknown_keys(document: Document, value: dict[str, Any], path: Path) -> Iterator[str]:
    for key in value:
        if key not in _KEYS:
            line = document.line((key,))
            yield f"{path.name}:{line}: unknown key '{shown(key)}'{did_you_mean(shown(key), _KEYS)}"


def _retired(document: Document, path: Path, problems: list[str]) -> tuple[list[str], dict[int, str]]:
    """Return the names of the file's list `retired`, and the groups that it gives with them; add what is wrong."""
    entries = document.value.get("retired")
    if entries is None:
        return [], {}
    if not isinstance(entries, list):
        line = document.line(("retired",))
        problems.append(f"{path.name}:{line}: 'retired' is a list of topics that have ended: write [name, …]")
        return [], {}
    names, groups = list[str](), dict[int, str]()
    for place, entry in enumerate(entries):
        has_group = isinstance(entry, dict) and set(entry) == _RETIRED_KEYS
        name = entry["topic"] if has_group else entry
        if not _is_name(name) or (has_group and not _is_group(entry["sendgrid_group_id"])):
            line = document.line(("retired", place))
            form = "{topic: name, sendgrid_group_id: number}" if isinstance(entry, dict) else "one"
            problems.append(f"{path.name}:{line}: 'retired': '{shown(entry)}' is not a name of a topic: write {form}")
            continue
        names.append(name)
        if has_group:
            groups[entry["sendgrid_group_id"]] = name
    return names, groups


def _foreign_groups(document: Document, path: Path, problems: list[str]) -> list[int]:
    """Return the numbers of the file's list `foreign_groups`; add what is wrong."""
    numbers = document.value.get("foreign_groups")
    if numbers is None:
        return []
    if not isinstance(numbers, list) or not all(_is_group(number) for number in numbers):
        line = document.line(("foreign_groups",))
        problems.append(
            f"{path.name}:{line}: 'foreign_groups' is a list of the numbers of unsubscribe groups of SendGrid that "
            "other applications use: write [number, …]"
        )
        return []
    return numbers


def _is_group(value: Any) -> bool:
    return type(value) is int and 0 < value <= _LARGEST_GROUP


def _is_name(value: Any) -> bool:
    try:
        return bool(_NAME.validate_python(value))
    except ValidationError:
        return False


def _shared_groups(topics: Topics, document: Document, path: Path) -> Iterator[str]:
    """Yield topics that share a group of SendGrid: an opt-out from a group must say which topic the person left."""
    owners: dict[int, str] = {}
    all_owners = topics.group_owners
    places: list[tuple[str, int, str | None]] = [("foreign_groups", number, None) for number in topics.foreign_groups]
    places += [("retired", number, name) for number, name in topics.retired_groups.items()]
    for key, number, said in places:
        if all_owners[number] != said:
            yield (
                f"{path.name}:{document.line((key,))}: {key}: {number} is the group of '{all_owners[number]}' already: "
                "remove it from one of the two"
            )
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
