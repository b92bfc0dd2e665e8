"""`campaign check`: everything that can be wrong with campaign files, found before the night does.

Needs neither database nor settings: reads campaigns, topics, brand, segment headers and templates.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lifecycle_mail.campaigns import Campaign, find_campaign, read_brand, read_campaigns, read_topics
from lifecycle_mail.errors import LifecycleError
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.segments import parameters
from lifecycle_mail.settings import Settings


@dataclass
class Findings:
    """What was looked at, and every problem as one line with its file."""

    campaigns: int = 0
    templates: int = 0
    problems: list[str] = field(default_factory=list)


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
    checked: dict[str, list[str]] = {}
    for campaign in campaigns:
        found.campaigns += 1
        found.problems += _segment_problems(campaign)
        for step in campaign.steps:
            if step.template not in checked:
                checked[step.template] = [
                    str(error) for error in library.check(step.template, (brand.language,))
                ]
            found.problems += [
                f"{campaign.campaign}.yaml, step {step.step}: {problem}" for problem in checked[step.template]
            ]
    found.templates = len(checked)
    return found


def _segment_problems(campaign: Campaign) -> list[str]:
    try:
        parameters(campaign.segment.name, campaign.segment.parameters)
    except LifecycleError as error:
        return [f"{campaign.campaign}.yaml, segment: {error}"]
    return []


