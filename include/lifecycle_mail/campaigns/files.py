"""Read campaign files, and report errors with file, line and the nearest right word."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lifecycle_mail.campaigns.building import build, did_you_mean
from lifecycle_mail.campaigns.documents import Document, read_document
from lifecycle_mail.campaigns.models import Campaign, Topic
from lifecycle_mail.campaigns.topics import Topics
from lifecycle_mail.errors import CampaignError

RENAMED_FROM = b"renamed_from"


def read_campaign(path: Path, topics: dict[str, Topic] | None = None) -> Campaign:
    """Read one campaign file; with `topics`, also check it against them.

    Raises:
        CampaignError: one line per error, each with file, line and what to write instead.
    """
    document = read_document(path)
    campaign = build(Campaign, document, path)
    if campaign.campaign != path.stem:
        raise CampaignError(
            f"{path.name}:{document.line(('campaign',))}: the campaign is called '{campaign.campaign}': "
            f"name the file {campaign.campaign}.yaml or the campaign {path.stem}"
        )
    _check_former_names(campaign, path, document)
    if topics is not None:
        _check_topic(campaign, topics, path, document)
    return campaign


def read_campaigns(
    folder: Path, topics: dict[str, Topic] | None = None
) -> tuple[list[Campaign], list[CampaignError]]:
    """Read every *.yaml of `folder`, sorted by name; return the campaigns, and the errors of the other files."""
    if not folder.is_dir():
        raise CampaignError(f"{folder}: the folder of campaign files does not exist: check LIFECYCLE_CAMPAIGNS_DIR")
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
        CampaignError: there is no such file (the message has the nearest name), or it is wrong.
    """
    path = folder / f"{name}.yaml"
    known = [file.stem for file in sorted(folder.glob("*.yaml"))]
    if name not in known:
        raise CampaignError(f"no campaign '{name}' in {folder.name}/{did_you_mean(name, known)}")
    return read_campaign(path, topics)


def line_of(path: Path, location: Sequence[Any]) -> int:
    """Return the line of a campaign file at which `location` stands, such as ("steps", 1, "template")."""
    return read_document(path).line(location)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a campaign file, for editors."""
    return Campaign.model_json_schema(by_alias=True)


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


def _check_former_names(campaign: Campaign, path: Path, document: Document) -> None:
    """A name means one campaign: what was renamed has no file of its own, and became one campaign alone."""
    for name in campaign.renamed_from:
        wrong = None
        if (path.parent / f"{name}.yaml").exists():
            wrong = f"the campaign '{name}' has a file of its own: remove {name}.yaml, or write another name here"
        elif others := _also_from(name, path):
            wrong = f"'{name}' is what {others[0]} says it was called before: take it out of one of the two"
        if wrong:
            raise CampaignError(f"{path.name}:{document.line(('renamed_from',))}: {wrong}")


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


def _check_topic(campaign: Campaign, topics: dict[str, Topic], path: Path, document: Document) -> None:
    topic = topics.get(campaign.topic)
    if topic is None:
        line = document.line(("topic",))
        raise CampaignError(f"{path.name}:{line}: {_no_topic(campaign.topic, topics)}")
    if not topic.is_marketing and campaign.holdout:
        raise CampaignError(
            f"{path.name}:{document.line(('holdout',))}: topic '{topic.topic}' is transactional "
            "and has no holdout: set it to 0"
        )
    if not topic.is_marketing and "attribution" in campaign.model_fields_set:
        raise CampaignError(
            f"{path.name}:{document.line(('attribution',))}: topic '{topic.topic}' is transactional, and its mails "
            "take no credit for orders: remove attribution"
        )
    window, quiet = campaign.send_window, topic.quiet_hours
    if window and quiet and not window.minutes() - quiet.minutes():
        raise CampaignError(
            f"{path.name}:{document.line(('send_window',))}: the send window lies wholly inside the quiet "
            f"hours of topic '{topic.topic}': no mail could ever go out; widen one of them"
        )


def _no_topic(name: str, topics: dict[str, Topic]) -> str:
    known = topics if isinstance(topics, Topics) else Topics(topics)
    if name in known.former:
        return f"topic '{name}' is called '{known.former[name]}' now: write the new name"
    if name in known.retired:
        return f"topic '{name}' is retired: choose one of {', '.join(known)}"
    return f"no topic '{name}'{did_you_mean(name, list(known))}"
