"""Read campaign and topic files, and say what is wrong with file, line and the nearest right word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from lifecycle_mail.campaigns.models import Campaign, Topic
from lifecycle_mail.errors import CampaignError

Model = TypeVar("Model", bound=BaseModel)


def read_campaign(path: Path, topics: dict[str, Topic] | None = None) -> Campaign:
    """Read one campaign file; with `topics`, also hold it against them.

    Raises:
        CampaignError: one line an error, each with file, line and what to write instead.
    """
    document = _compose(path)
    campaign = _build(Campaign, document, path)
    if campaign.campaign != path.stem:
        raise CampaignError(
            f"{path.name}:{document.line(('campaign',))}: the campaign is called '{campaign.campaign}': "
            f"name the file {campaign.campaign}.yaml or the campaign {path.stem}"
        )
    if topics is not None:
        _check_topic(campaign, topics, path, document)
    return campaign


def read_campaigns(
    folder: Path, topics: dict[str, Topic] | None = None
) -> tuple[list[Campaign], list[CampaignError]]:
    """Read every *.yaml of `folder`, sorted by name: those that are right, and the errors of the others."""
    if not folder.is_dir():
        raise CampaignError(f"{folder}: no such folder: campaigns are files in it; check LIFECYCLE_CAMPAIGNS_DIR")
    campaigns, errors = [], []
    for path in sorted(folder.glob("*.yaml")):
        try:
            campaigns.append(read_campaign(path, topics))
        except CampaignError as error:
            errors.append(error)
    return campaigns, errors


def find_campaign(folder: Path, name: str, topics: dict[str, Topic] | None = None) -> Campaign:
    """Read the campaign called `name`.

    Raises:
        CampaignError: there is no such file (the nearest name is given), or it is wrong.
    """
    path = folder / f"{name}.yaml"
    known = [file.stem for file in sorted(folder.glob("*.yaml"))]
    if name not in known:
        raise CampaignError(f"no campaign '{name}' in {folder.name}/{did_you_mean(name, known)}")
    return read_campaign(path, topics)


def line_of(path: Path, location: Sequence[Any]) -> int:
    """Return the line of a campaign file where `location` stands, such as ("steps", 1, "template")."""
    return _compose(path).line(location)


def read_topics(path: Path) -> dict[str, Topic]:
    """Read include/topics.yaml.

    Raises:
        CampaignError: as for campaigns.
    """
    document = _compose(path)
    entries = document.value.get("topics") if isinstance(document.value, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise CampaignError(f"{path.name}:1: no topics: begin with 'topics:' and one entry a topic")
    topics = {
        name: _build(Topic, document, path, at=("topics", name), extra={"topic": name})
        for name in entries
    }
    _refuse_shared_groups(topics, document, path)
    return topics


def _refuse_shared_groups(topics: dict[str, Topic], document: _Document, path: Path) -> None:
    """An opt-out from a group of SendGrid must say which topic was left: one group belongs to one topic."""
    owners: dict[int, str] = {}
    for name, topic in topics.items():
        if topic.sendgrid_group_id is None:
            continue
        owner = owners.setdefault(topic.sendgrid_group_id, name)
        if owner != name:
            line = document.line(("topics", name, "sendgrid_group_id"))
            raise CampaignError(
                f"{path.name}:{line}: topics.{name}.sendgrid_group_id: {topic.sendgrid_group_id} is the group of"
                f" '{owner}' already: make a group of its own at SendGrid"
            )


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a campaign file, for editors."""
    return Campaign.model_json_schema(by_alias=True)


class _Document:
    """A YAML document with the line of every key."""

    def __init__(self, value: Any, lines: dict[tuple[Any, ...], int]) -> None:
        self.value = value
        self._lines = lines

    def line(self, location: Sequence[Any]) -> int:
        """Return the line of `location`, or of the nearest thing around it."""
        place = tuple(location)
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)


def _compose(path: Path) -> _Document:
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[tuple[Any, ...], int] = {}
        if node is not None:
            _collect_lines(node, (), lines, path)
        value = yaml.safe_load(text)
    except OSError:
        raise CampaignError(f"{path.name}: cannot be read: check the file and its rights") from None
    except UnicodeDecodeError:
        raise CampaignError(f"{path.name}: is not UTF-8 text: save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CampaignError(f"{path.name}:{line}: is not YAML: {error.problem}") from None
    except yaml.YAMLError:
        raise CampaignError(f"{path.name}:1: is not YAML") from None
    return _Document(value, lines)


def _collect_lines(
    node: yaml.Node, at: tuple[Any, ...], lines: dict[tuple[Any, ...], int], path: Path
) -> None:
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*at, key.value)
            if place in lines:
                raise CampaignError(
                    f"{path.name}:{key.start_mark.line + 1}: '{key.value}' is given twice: remove one"
                )
            lines[place] = key.start_mark.line + 1
            _collect_lines(value, place, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _collect_lines(value, (*at, index), lines, path)


def _build(
    model: type[Model],
    document: _Document,
    path: Path,
    at: tuple[Any, ...] = (),
    extra: dict[str, Any] | None = None,
) -> Model:
    value = document.value
    for key in at:
        value = value[key]
    if not isinstance(value, dict):
        raise CampaignError(f"{path.name}:{document.line(at)}: expected keys and values here")
    try:
        return model.model_validate({**value, **(extra or {})})
    except ValidationError as error:
        found = error.errors()
        # A list whose items are wrong is also called too short: the item's own error says what to do.
        inner = {problem["loc"][:1] for problem in found if len(problem["loc"]) > 1}
        told = [one for one in found if not (one["type"] == "too_short" and one["loc"] in inner)]
        problems = [_describe(problem, model, document, path, at) for problem in told]
        raise CampaignError("\n".join(problems)) from None


def _describe(
    problem: Any, model: type[BaseModel], document: _Document, path: Path, at: tuple[Any, ...]
) -> str:
    place = problem["loc"] or problem.get("ctx", {}).get("place", ())
    location = (*at, *(part for part in place if part != "[key]"))
    where = f"{path.name}:{document.line(location)}"
    name = ".".join(str(part) for part in place) or "the file"
    if problem["type"] == "extra_forbidden":
        known = _known_keys(model, problem["loc"][:-1])
        return f"{where}: unknown key '{name}'{did_you_mean(str(problem['loc'][-1]), known)}"
    if problem["type"] == "missing":
        return f"{where}: '{name}' is missing: add it"
    if problem["type"] == "literal_error":
        choices = problem["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return f"{where}: '{name}' is '{problem['input']}'{did_you_mean(str(problem['input']), choices)}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{where}: '{name}': {message}"


def _known_keys(model: type[BaseModel], location: Iterable[Any]) -> list[str]:
    """Return the keys allowed at `location` inside `model`."""
    schema = model.model_json_schema(by_alias=True)
    place = schema
    for part in location:
        place = _resolve(schema, place)
        place = place.get("items", {}) if isinstance(part, int) else place.get("properties", {}).get(part, {})
    return list(_resolve(schema, place).get("properties", {}))


def _resolve(schema: dict[str, Any], place: dict[str, Any]) -> dict[str, Any]:
    for option in [place, *place.get("anyOf", [])]:
        if "$ref" in option:
            found: dict[str, Any] = schema["$defs"][option["$ref"].rsplit("/", 1)[1]]
            return found
    return place


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return ": did you mean '…'?" with the nearest of `known`, else ": choose one of …"."""
    nearest = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if nearest:
        return f": did you mean '{nearest[0]}'?"
    return f": choose one of {', '.join(known)}" if known else ""


def _check_topic(campaign: Campaign, topics: dict[str, Topic], path: Path, document: _Document) -> None:
    topic = topics.get(campaign.topic)
    if topic is None:
        raise CampaignError(
            f"{path.name}:{document.line(('topic',))}: no topic '{campaign.topic}'"
            f"{did_you_mean(campaign.topic, list(topics))}"
        )
    if not topic.is_marketing and campaign.holdout:
        raise CampaignError(
            f"{path.name}:{document.line(('holdout',))}: topic '{topic.topic}' is transactional "
            "and has no holdout: set it to 0"
        )
    window, quiet = campaign.send_window, topic.quiet_hours
    if window and quiet and not window.minutes() - quiet.minutes():
        raise CampaignError(
            f"{path.name}:{document.line(('send_window',))}: the send window lies wholly inside the quiet "
            f"hours of topic '{topic.topic}': no mail could ever go out; widen one of them"
        )
