"""Read campaign files, and report errors with file, line and the nearest right word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lifecycle_mail.campaigns.building import did_you_mean, in_file_order, survey
from lifecycle_mail.campaigns.documents import Document, read_document, shown, survey_document
from lifecycle_mail.campaigns.models import Campaign, HourRange, Topic
from lifecycle_mail.campaigns.topics import Topics
from lifecycle_mail.errors import CampaignError

RENAMED_FROM = b"renamed_from"


@dataclass(frozen=True)
class Survey:
    """One campaign file as far as it can be read, and all that is wrong with it, by line.

    `document` is None if nothing of it can be read, `campaign` if anything is wrong.
    """

    path: Path
    document: Document | None
    campaign: Campaign | None
    problems: list[str]

    @property
    def values(self) -> dict[str, Any]:
        """The file's keys and values; none if it is no mapping."""
        value = self.document.value if self.document else None
        return value if isinstance(value, dict) else {}

    def at(self, *location: Any) -> str:
        """Return how a problem at a place of the file begins."""
        return f"{self.path.name}:{self.document.line(location) if self.document else 1}: "


def survey_campaign(path: Path, topics: dict[str, Topic] | None = None) -> Survey:
    """Read one campaign file, and find everything that the file, its folder and `topics` show to be wrong."""
    try:
        document = survey_document(path)
    except CampaignError as error:
        return Survey(path, None, None, str(error).splitlines())
    campaign, problems = survey(Campaign, document, path)
    found = Survey(path, document, campaign, [])
    problems += document.problems
    problems += _called_otherwise(found)
    problems += _former_name_problems(found)
    if topics is not None:
        problems += _topic_problems(found, topics)
    return replace(found, campaign=None if problems else campaign, problems=in_file_order(problems, path))


def read_campaign(path: Path, topics: dict[str, Topic] | None = None) -> Campaign:
    """Read one campaign file; with `topics`, also check it against them.

    Raises:
        CampaignError: one line per error, each with file, line and what to write instead.
    """
    found = survey_campaign(path, topics)
    if found.campaign is None:
        raise CampaignError("\n".join(found.problems))
    return found.campaign


def read_campaigns(
    folder: Path, topics: dict[str, Topic] | None = None
) -> tuple[list[Campaign], list[CampaignError]]:
    """Read every *.yaml of `folder`, sorted by name; return the campaigns, and the errors of the other files."""
    campaigns, errors = [], []
    for path in campaign_files(folder):
        try:
            campaigns.append(read_campaign(path, topics))
        except CampaignError as error:
            errors.append(error)
    return campaigns, errors


def campaign_files(folder: Path) -> list[Path]:
    """Return the campaign files of a folder, by name.

    Raises:
        CampaignError: there is no such folder.
    """
    if not folder.is_dir():
        raise CampaignError(f"{folder}: the folder of campaign files does not exist: check LIFECYCLE_CAMPAIGNS_DIR")
    return sorted(folder.glob("*.yaml"))


def campaign_file(folder: Path, name: str) -> Path:
    """Return the file of the campaign called `name`.

    Raises:
        CampaignError: there is no such file (the message has the nearest name).
    """
    known = [file.stem for file in sorted(folder.glob("*.yaml"))]
    if name not in known:
        raise CampaignError(f"no campaign '{name}' in {folder.name}/{did_you_mean(name, known)}")
    return folder / f"{name}.yaml"


def find_campaign(folder: Path, name: str, topics: dict[str, Topic] | None = None) -> Campaign:
    """Read the campaign called `name`.

    Raises:
        CampaignError: there is no such file (the message has the nearest name), or it is wrong.
    """
    return read_campaign(campaign_file(folder, name), topics)


def line_of(path: Path, location: Sequence[Any]) -> int:
    """Return the line of a campaign file at which `location` stands, such as ("steps", 1, "template")."""
    return read_document(path).line(location)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a campaign file, for editors."""
    return Campaign.model_json_schema(by_alias=True)


def template_places(values: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], str, str]]:
    """Yield where the values of a campaign file name a template, with the step's name and the template."""
    ends = values.get("on_end")
    lists: dict[tuple[Any, ...], Any] = {("steps",): values.get("steps")}
    lists |= {("on_end", word): said for word, said in ends.items()} if isinstance(ends, dict) else {}
    entries = list[tuple[tuple[Any, ...], Any]]()
    for at, said in lists.items():
        if isinstance(said, list):
            entries += [((*at, place), one) for place, one in enumerate(said)]
        else:
            entries.append((at, said))
    for at, step in entries:
        template = step.get("template") if isinstance(step, dict) else None
        if isinstance(template, str):
            yield (*at, "template"), shown(step.get("step", "without a name")), template


def former_names(folder: Path) -> dict[str, str]:
    """Return former name → present name of every campaign whose file, which is right so far, says `renamed_from`."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            if RENAMED_FROM in path.read_bytes():
                campaign = read_campaign(path)
                found |= dict.fromkeys(campaign.renamed_from, campaign.campaign)
        except (CampaignError, OSError):
            continue
    return found


def _called_otherwise(found: Survey) -> Iterator[str]:
    name = found.values.get("campaign")
    if isinstance(name, str) and name != found.path.stem:
        yield (
            f"{found.at('campaign')}the campaign is called '{shown(name)}': "
            f"name the file {shown(name)}.yaml or the campaign {found.path.stem}"
        )


def _former_name_problems(found: Survey) -> Iterator[str]:
    """A name means one campaign: what was renamed has no file of its own, and became one campaign alone."""
    said = found.values.get("renamed_from")
    for name in [said] if isinstance(said, str) else said if isinstance(said, list) else []:
        if not isinstance(name, str) or name == found.values.get("campaign"):
            continue
        if (found.path.parent / f"{name}.yaml").exists():
            wrong = f"the campaign '{name}' has a file of its own: remove {name}.yaml, or write another name here"
            yield f"{found.at('renamed_from')}{wrong}"
        elif others := _also_from(name, found.path):
            wrong = f"'{name}' is what {others[0]} says it was called before: take it out of one of the two"
            yield f"{found.at('renamed_from')}{wrong}"


def _also_from(name: str, path: Path) -> list[str]:
    """Return the other files of the folder that say they were called `name`."""
    found = []
    for other in sorted(path.parent.glob("*.yaml")):
        try:
            if other == path or RENAMED_FROM not in other.read_bytes():
                continue
            value = read_document(other).value
        except (CampaignError, OSError):
            continue
        said = value.get("renamed_from") if isinstance(value, dict) else None
        if name == said or (isinstance(said, list) and name in said):
            found.append(other.name)
    return found


def _topic_problems(found: Survey, topics: dict[str, Topic]) -> Iterator[str]:
    """Yield what a file says against its topic. A topic that is wrong itself is not judged by."""
    name, known = found.values.get("topic"), topics if isinstance(topics, Topics) else Topics(topics)
    if not isinstance(name, str) or name in known.unread:
        return
    topic = topics.get(name)
    if topic is None:
        yield f"{found.at('topic')}{_no_topic(shown(name), known)}"
        return
    if not topic.is_marketing and found.values.get("holdout"):
        yield (
            f"{found.at('holdout')}topic '{topic.topic}' is transactional and has no holdout: set it to 0"
        )
    if not topic.is_marketing and "attribution" in found.values:
        yield (
            f"{found.at('attribution')}topic '{topic.topic}' is transactional, and its mails "
            "take no credit for orders: remove attribution"
        )
    window = _hours(found.values.get("send_window"))
    if window and topic.quiet_hours and not window.minutes() - topic.quiet_hours.minutes():
        yield (
            f"{found.at('send_window')}the send window lies wholly inside the quiet "
            f"hours of topic '{topic.topic}': no mail could ever go out; widen one of them"
        )


def _hours(value: Any) -> HourRange | None:
    """Return the hours that a file says, if they can be read."""
    try:
        return HourRange.model_validate(value)
    except ValidationError:
        return None


def _no_topic(name: str, known: Topics) -> str:
    if name in known.former:
        return f"topic '{name}' is called '{known.former[name]}' now: write the new name"
    if name in known.retired:
        return f"topic '{name}' is retired: choose one of {', '.join(known)}"
    return f"no topic '{name}'{did_you_mean(name, [*known, *known.unread])}"
