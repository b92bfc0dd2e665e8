"""`campaign check`: everything that can be wrong with campaign files, found before the nightly run finds it.

Needs neither database nor settings. Reads campaigns, topics, brand, segment headers and templates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lifecycle_mail.campaigns import (
    Campaign,
    Topic,
    did_you_mean,
    find_campaign,
    line_of,
    read_brand,
    read_campaigns,
    read_topics,
)
from lifecycle_mail.errors import LifecycleError
from lifecycle_mail.journeys import days_ahead
from lifecycle_mail.locales import canonical
from lifecycle_mail.messages import Definition, read_definition
from lifecycle_mail.messages.template_checks import check_catalogues, check_template
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.segments import parameters
from lifecycle_mail.settings import Settings


@dataclass
class Findings:
    """What was checked, and every problem as one line with its file; `warnings` are no reason to refuse."""

    campaigns: int = 0
    templates: int = 0
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check_campaigns(settings: Settings, name: str | None) -> Findings:
    """Check one campaign, or all of them, with their segments and templates."""
    found = Findings()
    topics = read_topics(settings.topics_file)
    brand = read_brand(settings.brand_file, postal_address=settings.postal_address)
    if name is None:
        campaigns, broken = read_campaigns(settings.campaigns_dir, topics)
        found.problems += [str(error) for error in broken]
    else:
        campaigns = [find_campaign(settings.campaigns_dir, name, topics)]
    library = TemplateLibrary(settings.templates_dir)
    found.problems += map(str, check_catalogues(library))
    own = library.language_for(None, brand.language)
    languages = [own, *(one for one in library.languages() if one != own and canonical(one))]
    templates: set[str] = set()
    for campaign in campaigns:
        path = settings.campaigns_dir / f"{campaign.campaign}.yaml"
        found.campaigns += 1
        found.problems += _segment_problems(campaign, path)
        found.warnings += _resend_warnings(campaign, topics[campaign.topic], path)
        for place, step in enumerate(campaign.steps):
            templates.add(step.template)
            line = line_of(path, ("steps", place, "template"))
            found.problems += [
                f"{path.name}:{line}: step {step.step}: {problem}"
                for problem in _template_problems(library, step.template, languages)
            ]
    found.templates = len(templates)
    return found


def definition_of(settings: Settings, name: str) -> Definition:
    """Return the definition of one campaign as its files are, which is what `campaign approve` would approve."""
    topics = read_topics(settings.topics_file)
    campaign = find_campaign(settings.campaigns_dir, name, topics)
    brand = read_brand(settings.brand_file, postal_address=settings.postal_address)
    return read_definition(campaign, topics[campaign.topic], TemplateLibrary(settings.templates_dir), brand)


def _template_problems(library: TemplateLibrary, template: str, languages: list[str]) -> list[str]:
    known = library.names()
    if template not in known:
        return [f"no template '{template}'{did_you_mean(template, known)}"]
    return [str(error) for error in check_template(library, template, languages)]


def _resend_warnings(campaign: Campaign, topic: Topic, path: Path) -> list[str]:
    """Return a warning if mails in doubt would be stale before the topic's policy could send them again."""
    if campaign.max_lateness_hours >= topic.lateness_hours_needed:
        return []
    share = "many" if campaign.max_lateness_hours > topic.resend_after_hours else "all"
    return [
        f"{path.name}:{line_of(path, ('max_lateness_hours',))}: topic '{topic.topic}' plans mails in doubt again after "
        f"{topic.resend_after_hours:g} hours, and a mail is stale after {campaign.max_lateness_hours:g}: {share} of "
        f"them would be stale instead; raise max_lateness_hours to {topic.lateness_hours_needed:g} at least"
    ]


def _segment_problems(campaign: Campaign, path: Path) -> list[str]:
    try:
        parameters(campaign.segment.name, campaign.segment.parameters)
    except LifecycleError as error:
        return [f"{path.name}:{line_of(path, ('segment',))}: {error}"]
    try:
        days_ahead(campaign)
    except LifecycleError as error:
        place = "join_ahead_days" if campaign.join_ahead_days else "segment"
        return [f"{path.name}:{line_of(path, (place,))}: {error}"]
    return []
