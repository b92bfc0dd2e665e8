"""`campaign check`: everything that can be wrong with campaign files, found before the nightly run finds it.

Needs neither database nor settings. Reads campaigns, topics, brand, segment headers and templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lifecycle_mail.campaigns import (
    Brand,
    Campaign,
    SegmentUse,
    Step,
    Survey,
    Topic,
    campaign_file,
    campaign_files,
    did_you_mean,
    find_campaign,
    in_file_order,
    line_of,
    read_brand,
    read_topics,
    survey_brand,
    survey_campaign,
    survey_topics,
    template_places,
)
from lifecycle_mail.campaigns.documents import shown
from lifecycle_mail.campaigns.patterns import TEMPLATE
from lifecycle_mail.decisions import require_rules
from lifecycle_mail.errors import LifecycleError, TemplateError
from lifecycle_mail.journeys import days_ahead
from lifecycle_mail.locales import canonical
from lifecycle_mail.messages import Definition, read_definition
from lifecycle_mail.messages.ingredients import AGAIN
from lifecycle_mail.messages.offers import GIFTS
from lifecycle_mail.messages.promises import CALENDAR, FREE_DELIVERY, MOMENT, OFFER
from lifecycle_mail.messages.template_checks import check_catalogues, check_template, lacking_pages
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.messages.word_checks import StepWords, doubtful_words, wrong_words
from lifecycle_mail.segments import definition, facts_asked, parameters
from lifecycle_mail.settings import Settings


@dataclass
class Findings:
    """What was checked, and every problem as one line with its file, in the order of the files.

    `warnings` are no reason to refuse.
    """

    campaigns: int = 0
    templates: int = 0
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def count(self) -> str:
        """Return how many problems there are, as people say it."""
        files = len({problem.partition(":")[0] for problem in self.problems})
        return f"{_number(len(self.problems), 'problem')} in {_number(files, 'file')}"


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def check_campaigns(settings: Settings, name: str | None) -> Findings:
    """Check one campaign, or all of them, with topics and brand, their segments and templates.

    Raises:
        CampaignError: there is no such campaign, or no folder of campaigns.
    """
    files = campaign_files(settings.campaigns_dir) if name is None else [campaign_file(settings.campaigns_dir, name)]
    topics, topic_problems = survey_topics(settings.topics_file)
    brand, brand_problems = survey_brand(settings.brand_file, postal_address=settings.postal_address)
    found = Findings(problems=[*topic_problems, *brand_problems])
    if name is None:
        found.warnings += _misnamed(settings.campaigns_dir)
    library = TemplateLibrary(settings.templates_dir)
    found.problems += map(str, check_catalogues(library))
    templates = _Templates(library, library.language_for(None, brand.language if brand else "en"), brand)
    for path in files:
        survey = survey_campaign(path, topics if topics or topics.unread else None)
        found.campaigns += 1
        conditions = _condition_problems(survey)
        problems = [*survey.problems, *_segment_problems(survey), *conditions, *templates.problems(survey)]
        problems += templates.wrong_words(survey)
        found.warnings += templates.doubtful_words(survey)
        found.problems += in_file_order(problems, path)
        if survey.campaign is not None and survey.campaign.topic in topics:
            found.warnings += _resend_warnings(survey.campaign, topics[survey.campaign.topic], path)
    found.templates = len(templates.seen)
    return found


def definition_of(settings: Settings, name: str) -> Definition:
    """Return the definition of one campaign as its files are, which is what `campaign approve` would approve."""
    topics = read_topics(settings.topics_file)
    campaign = find_campaign(settings.campaigns_dir, name, topics)
    brand = read_brand(settings.brand_file, postal_address=settings.postal_address)
    return read_definition(campaign, topics[campaign.topic], TemplateLibrary(settings.templates_dir), brand)


class _Templates:
    """Checks the templates of campaign files, each once, in every language that mails can be written in.

    `own` is the brand's language. Without a brand no page is missed.
    """

    def __init__(self, library: TemplateLibrary, own: str, brand: Brand | None) -> None:
        self._library = library
        self._brand = brand
        self._known = library.names()
        self._languages = [own, *(one for one in library.languages() if one != own and canonical(one))]
        self.seen: set[str] = set()
        self._has_words = self._languages[0] in library.languages()

    def problems(self, survey: Survey) -> Iterator[str]:
        """Yield what is wrong with the templates that one file names, at the lines that name them."""
        yield from self._second_subjects(survey)
        for at, step, template in template_places(survey.values):
            yield from self._gift_problems(_gift_beside(survey, at), survey.at(*at[:-1], "offer", "gift"))
            if not re.search(TEMPLATE, template):
                continue
            begins = f"{survey.at(*at)}step {step}: "
            if template not in self._known:
                yield f"{begins}no template '{shown(template)}'{did_you_mean(template, self._known)}"
                continue
            if template not in self.seen:
                self.seen.add(template)
                yield from (f"{begins}{error}" for error in self._check(template))
            if wrong := self._wrong_recommendation(template, _recommends(survey.values, at)):
                yield f"{begins}{wrong}"

    def wrong_words(self, survey: Survey) -> Iterator[str]:
        """Yield what the words of a campaign's mails promise that its segment and its steps cannot keep."""
        campaign = survey.campaign
        if campaign is None or not _is_there(campaign.segment.name):
            return  # without a segment it cannot be said what a mail may promise, and its name is told already
        for step, begins in self._mails(survey):
            said = StepWords(step.template, _known_of(campaign, step), _asks_for_review(campaign))
            yield from (f"{begins}{error}" for error in wrong_words(self._library, self._languages[0], said))

    def doubtful_words(self, survey: Survey) -> Iterator[str]:
        """Yield what the words of a campaign's mails would better not say."""
        for step, begins in self._mails(survey):
            found = doubtful_words(self._library, self._languages[0], step.template)
            yield from (f"{begins}{doubt}" for doubt in found)

    def _mails(self, survey: Survey) -> Iterator[tuple[Step, str]]:
        """Yield the steps of a file that have a mail of a known template, and how what is said of each begins."""
        steps = {step.step: step for step in survey.campaign.mails} if survey.campaign else {}
        for at, name, template in template_places(survey.values):
            if name in steps and template in self._known and self._has_words:
                yield steps[name], f"{survey.at(*at)}step {name}: "

    def _second_subjects(self, survey: Survey) -> Iterator[str]:
        """Yield steps that go again with a second subject that their template does not have."""
        for place, step in enumerate(survey.campaign.steps if survey.campaign else ()):
            if step.subject == "again" and step.template in self._known and not self._library.has_again(step.template):
                yield (
                    f"{survey.at('steps', place)}step {step.step}: template '{step.template}' has no second subject: "
                    f"add the file {step.template}/{AGAIN}"
                )

    def _wrong_recommendation(self, template: str, is_asked: bool) -> str | None:
        """Return how the key `recommend` of a step and what its template shows disagree, or None."""
        try:
            is_shown = self._library.shows_recommended(template)
        except TemplateError:
            return None  # the check of the template tells it
        if is_shown and not is_asked:
            return f"template '{template}' shows recommended products: say which, as recommend: {{what: complements}}"
        if is_asked and not is_shown:
            return f"template '{template}' does not show what `recommend` asks for: show it, or leave the key out"
        return None

    def _gift_problems(self, gift: object, where: str) -> Iterator[str]:
        """Yield each language that has no name for a gift."""
        for language in self._languages if isinstance(gift, str) else ():
            words = self._library.wording(language).messages
            if GIFTS + str(gift) not in words:
                named = [key.removeprefix(GIFTS) for key in words if key.startswith(GIFTS)]
                yield (
                    f"{where}translations/{language}.yaml has no {GIFTS}{shown(gift)}"
                    f"{did_you_mean(str(gift), named)}; add it there"
                )

    def _check(self, template: str) -> Iterator[TemplateError]:
        yield from check_template(self._library, template, self._languages)
        if self._brand is not None:
            yield from lacking_pages(self._library, template, self._brand.pages)


def _known_of(campaign: Campaign, step: Step) -> frozenset[str]:
    """Return what a mail may promise: keys of the segment's context, as its header names them, facts that its rules
    ask, and what its step has."""
    segment = definition(campaign.segment.name)
    there = set(re.findall(r"[a-z][a-z_]+", segment.context))
    there |= facts_asked(segment.rules) if segment.rules else set()
    free = step.offer and step.offer.free_shipping
    has = {OFFER: step.offer, FREE_DELIVERY: free, CALENDAR: step.on, MOMENT: step.at}
    return frozenset(there | {name for name, value in has.items() if value})


def _is_there(segment: str) -> bool:
    """Return whether a segment of this name can be read."""
    try:
        definition(segment)
    except LifecycleError:
        return False
    return True


def _asks_for_review(campaign: Campaign) -> bool:
    return "review" in (campaign.goal.event, *campaign.exit_on)


def _recommends(values: Any, at: tuple[Any, ...]) -> bool:
    """Return whether the step whose template stands at `at` has the key `recommend`."""
    for key in at[:-1]:
        values = values[key]
    return values.get("recommend") is not None


def _gift_beside(survey: Survey, template_at: tuple[Any, ...]) -> object:
    """Return the gift that the step of a template gives, as the file has it; None = none."""
    step: Any = survey.values
    for key in template_at[:-1]:
        step = step[key]
    return step["offer"].get("gift") if isinstance(step.get("offer"), dict) else None


def _misnamed(folder: Path) -> list[str]:
    """Return a warning for each file that looks like a campaign file and is not read."""
    return [
        f"{path.name}: this file is not read, because campaign files end in .yaml: rename it to {path.stem}.yaml"
        for path in sorted(folder.glob("*.yml"))
    ]


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


def _segment_problems(survey: Survey) -> Iterator[str]:
    """Yield what is wrong with the segment that a file names: the name, or each parameter."""
    try:
        segment = SegmentUse.model_validate(survey.values.get("segment"))
        definition(segment.name)
    except ValidationError:
        return  # the model told it
    except LifecycleError as error:
        yield f"{survey.at('segment', 'name')}{error}"
        return
    wrong = {name: _refusal_of(segment, name) for name in segment.parameters}
    for name, refusal in wrong.items():
        if refusal:
            yield f"{survey.at('segment', name)}{refusal}"
    if not any(wrong.values()):
        yield from _ahead_problems(survey, segment)


def _condition_problems(survey: Survey) -> Iterator[str]:
    """Yield what is wrong with conditions that ask what the rules of segments ask, whatever step they stand at."""
    for place, word, value in _conditions_in(survey.values) if survey.campaign else ():
        try:
            require_rules(word, value)
        except LifecycleError as error:
            yield f"{survey.at(*place)}{error}"


def _conditions_in(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str, Any]]:
    """Yield the conditions inside values of a campaign file: where, the word, and what the file says of it."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        if key in ("when", "unless") and isinstance(inner, dict):
            yield from (((*at, key, word), word, said) for word, said in inner.items())
        else:
            yield from _conditions_in(inner, (*at, key))


def _refusal_of(segment: SegmentUse, name: str) -> LifecycleError | None:
    try:
        parameters(segment.name, {name: segment.parameters[name]})
    except LifecycleError as error:
        return error
    return None


def _ahead_problems(survey: Survey, segment: SegmentUse) -> Iterator[str]:
    """Yield that the segment cannot look as far ahead as the file asks, whatever else is wrong with the file."""
    days = survey.values.get("join_ahead_days")
    if days is not None and type(days) is not int:
        return
    asking = Campaign.model_construct(
        segment=segment, newer_occurrence=survey.values.get("newer_occurrence"), join_ahead_days=days
    )
    try:
        days_ahead(asking)
    except LifecycleError as error:
        yield f"{survey.at('join_ahead_days' if days else 'segment')}{error}"
