"""`message preview`: one customer's mail, exact if it was rendered, else as it would be rendered now. Or a sample."""

from __future__ import annotations

import datetime as dt
import os
import sys
import tempfile
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection, Row

from lifecycle_mail import segments
from lifecycle_mail.campaigns import Brand, Campaign, Step, read_brand
from lifecycle_mail.database import run
from lifecycle_mail.delivery.work import ClaimSetup, shell_to_send
from lifecycle_mail.errors import CampaignError, DatabaseUnavailable, LifecycleError, SchemaOutOfDate
from lifecycle_mail.journeys import days_ahead
from lifecycle_mail.messages import load_shell
from lifecycle_mail.messages.codes import codes_of, example_code
from lifecycle_mail.messages.links import page_links
from lifecycle_mail.messages.packing import packer
from lifecycle_mail.messages.recommending import Shown, recommended_for
from lifecycle_mail.messages.samples import read_samples
from lifecycle_mail.messages.shells import RenderedMail, Shell, ShellSpec, rebuild
from lifecycle_mail.messages.snapshots import at_sending
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.pipeline import Installation, open_installation
from lifecycle_mail.settings import Settings


@dataclass(frozen=True)
class Asked:
    """Which mail is shown: its step, and variant and language if they are not those that a series would get."""

    step: Step
    variant: str | None = None
    locale: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether neither variant nor language is asked for."""
        return self.variant is None and self.locale is None


@dataclass(frozen=True)
class Sample:
    """A mail to look at. `facts` says whose facts it tells, for people; `is_made_up` if they are no customer's."""

    mail: RenderedMail
    facts: str
    is_made_up: bool


def asked_of(campaign: Campaign, step: str, variant: str | None = None, locale: str | None = None) -> Asked:
    """Return what is asked for.

    Raises:
        CampaignError: the campaign has no such step, or the step no such variant.
    """
    names = [one.step for one in campaign.mails]
    if step not in names:
        raise CampaignError(f"campaign {campaign.campaign} has no step '{step}': it has {', '.join(names)}")
    found = campaign.step_named(step)
    if variant is not None and variant not in found.variants:
        has = f"it has {', '.join(found.variants)}" if found.variants else "it has none, so leave --variant out"
        raise CampaignError(f"step {step} of campaign {campaign.campaign} has no variant '{variant}': {has}")
    return Asked(found, variant, locale)


def stored_mail(
    installation: Installation,
    campaign: Campaign,
    step: str,
    customer_id: str,
    now: dt.datetime,
    variant: str | None = None,
    locale: str | None = None,
) -> RenderedMail:
    """Return the mail of one customer and step; in another variant or language, as it would be written now.

    Raises:
        LifecycleError: no such step, variant or customer, or the customer is neither enrolled nor in the segment.
    """
    asked = asked_of(campaign, step, variant, locale)
    with installation.engine.connect() as connection:
        reading = {"campaign": campaign.campaign, "step": step, "customer_id": customer_id}
        row = run(connection, "messages/stored_mail", **reading).one_or_none()
        if row is not None and row.slots is not None and asked.is_plain:
            shell = load_shell(connection, row.shell_id)
            return rebuild(shell, packer(shell.slots_dictionary).unpack(bytes(row.slots)), row.subject)
        context = row.context if row is not None else _context_now(installation, campaign, customer_id, now)
        library: TemplateLibrary = installation.library
        chosen: Shell | None = None
        if row is not None and row.shell_id is not None and asked.is_plain:
            library, chosen = _as_planned(installation, connection, row.shell_id, now)
        series = row.enrollment_id if row is not None and chosen is not None else None
        return _render(installation, connection, campaign, asked, customer_id, context, library, chosen, now, series)


def sample_mail(settings: Settings, campaign: Campaign, asked: Asked, now: dt.datetime) -> Sample:
    """Return the mail of a member of the segment. If there is none, or no warehouse, the facts are made up."""
    if not settings.database_url:
        return _made_up(settings, campaign, asked, now, "no warehouse is set (LIFECYCLE_DATABASE_URL)")
    try:
        installation = open_installation(settings)
    except (DatabaseUnavailable, SchemaOutOfDate) as error:
        return _made_up(settings, campaign, asked, now, str(error))
    segment = campaign.segment
    member = next(iter(segments.members(installation.engine, segment.name, now, segment.parameters)), None)
    if member is None:
        return _made_up(settings, campaign, asked, now, f"segment {segment.name} has no members now")
    who, library = member.customer_id, installation.library
    with installation.engine.connect() as connection:
        context = _context_now(installation, campaign, who, now)
        mail = _render(installation, connection, campaign, asked, who, context, library, None, now)
    return Sample(mail, f"facts of customer {who}, a member of segment {segment.name} now", is_made_up=False)


def _made_up(settings: Settings, campaign: Campaign, asked: Asked, now: dt.datetime, because: str) -> Sample:
    """Return the mail with the facts of its template's sample.json, in the brand of this installation."""
    library = TemplateLibrary(settings.templates_dir)
    brand = read_brand(settings.brand_file, postal_address=settings.postal_address)
    samples = read_samples(settings.templates_dir, asked.step.template)
    chosen = next((one for one in samples if one.variant == asked.variant), samples[0])
    currency = chosen.context.get("currency") or brand.currency
    shell = _as_now(library, brand, campaign, asked, asked.locale, currency)
    # The sample says when it goes, so that its days fit one another.
    sent_at = chosen.context.get("sent_at")
    then = dt.datetime.fromisoformat(sent_at) if sent_at else now
    context = at_sending(chosen.context, shell.currency, then)
    customer = {**chosen.customer, "language": shell.language, "currency": shell.currency}
    offer = example_code(shell.offer, then)
    mail = _written(settings, library, shell, customer, context, offer, chosen.recommended)
    return Sample(mail, f"facts made up ({asked.step.template}/sample.json): {because}", is_made_up=True)


def language_note(settings: Settings, locale: str | None) -> str | None:
    """Return what to say if there are no words for the readers of `locale`."""
    library = TemplateLibrary(settings.templates_dir)
    if locale is None or library.language_for(locale, ""):
        return None
    return f"no words for '{locale}' (there are {', '.join(library.languages())}): the mail is in the brand's language"


def _context_now(
    installation: Installation, campaign: Campaign, customer_id: str, now: dt.datetime
) -> dict[str, Any]:
    """Return what a series that begins now would be about: the newest occurrence, or all that share it."""
    present = _of_customer(installation, campaign, campaign.segment.parameters, customer_id, now)
    if not present:
        raise LifecycleError(
            f"customer '{customer_id}' is neither enrolled in {campaign.campaign} nor in its segment now: "
            "there is nothing to write about; check the id, or plan the campaign"
        )
    newest = max(present, key=lambda occurrence: (present[occurrence].occurred_at, occurrence))
    context = dict(present[newest].context)
    if days := days_ahead(campaign):
        given = segments.definition(campaign.segment.name).looking_ahead(campaign.segment.parameters, days)
        present |= _of_customer(installation, campaign, given, customer_id, now)
    if campaign.joins and len(present) > 1:
        context["occurrences"] = [present.pop(newest).context, *(member.context for member in present.values())]
    return context


def _of_customer(
    installation: Installation, campaign: Campaign, given: dict[str, Any], customer_id: str, now: dt.datetime
) -> dict[str, segments.Member]:
    """Return a customer's memberships of the campaign's segment with the parameters `given`, by occurrence."""
    members = segments.members(installation.engine, campaign.segment.name, now, given)
    return {member.occurrence: member for member in members if member.customer_id == customer_id}


def _render(
    installation: Installation,
    connection: Connection,
    campaign: Campaign,
    asked: Asked,
    customer_id: str,
    context: dict[str, Any],
    library: TemplateLibrary,
    shell: Shell | None,
    now: dt.datetime,
    series: int | None = None,
) -> RenderedMail:
    person = run(connection, "messages/recipient", customer_id=customer_id).one_or_none()
    if person is None:
        raise LifecycleError(f"customer '{customer_id}' is unknown: check the id")
    if shell is None:
        currency = context.get("currency") or person.currency or installation.brand.currency
        locale = asked.locale or person.locale
        shell = _as_now(installation.library, installation.brand, campaign, asked, locale, currency)
    customer = _customer(person, shell.language, shell.currency)
    people = [(customer_id, context)]
    recommended = recommended_for(connection, asked.step.recommend, people, shell.currency, now)[0]
    given = codes_of(connection, shell, [] if series is None else [series])
    offer = next(iter(given.values()), None) or example_code(shell.offer, now)
    known = at_sending(context, shell.currency, now)
    return _written(installation.settings, library, shell, customer, known, offer, recommended)


def _written(
    settings: Settings,
    library: TemplateLibrary,
    shell: Shell,
    customer: dict[str, Any],
    context: dict[str, Any],
    offer: Mapping[str, Any] | None,
    recommended: Shown,
) -> RenderedMail:
    unsubscribe = f"{settings.public_url}/unsubscribe/preview"
    links = {"unsubscribe_url": unsubscribe, **page_links(settings.pages_url, "preview")}
    slots = library.slots(shell).render(customer, context, links, offer, recommended)
    return rebuild(shell, slots.substitutions, slots.subject)


def _as_planned(
    installation: Installation, connection: Connection, shell_id: int, now: dt.datetime
) -> tuple[TemplateLibrary, Shell]:
    """Return the shell of a planned mail as a delivery would write it, and its templates.

    In live the templates are those of the definition that the mail goes out as; otherwise they are the files as they
    are now.
    """
    setup = ClaimSetup(installation.settings, installation.topics, installation.library, "preview")
    if setup.is_live:
        shell = load_shell(connection, shell_to_send(connection, setup, shell_id, now))
        if shell.definition_md5 is not None:
            return setup.library_of(connection, shell), shell
    planned = load_shell(connection, shell_id)
    spec = replace(planned.spec, definition_md5=None)
    return installation.library, installation.library.shell(spec)


def _as_now(
    library: TemplateLibrary, brand: Brand, campaign: Campaign, asked: Asked, locale: str | None, currency: str
) -> Shell:
    """Return the shell of a mail that was not planned: of the variant asked for, else of the step's first."""
    step = asked.step
    variant = asked.variant or next(iter(step.variants), "default")
    spec = ShellSpec(
        template=step.template,
        campaign=campaign.campaign,
        step=step.step,
        variant=variant,
        language=library.language_for(locale, brand.language),
        currency=currency,
        brand=brand.for_templates(),
        offer=campaign.offer_for(step.step, variant),
        is_again=step.subject == "again",
    )
    return library.shell(spec)


def _customer(person: Row[Any], language: str, currency: str) -> dict[str, Any]:
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "country": person.country,
        "timezone": person.zone,
        "language": language,
        "currency": currency,
    }


def print_mail(mail: RenderedMail) -> None:
    """Write subject and text part to stdout."""
    sys.stdout.write(f"Subject: {mail.subject}\n\n{mail.text}")


def write_html(mail: RenderedMail, made_up: str | None, path: Path | None) -> Path:
    """Write the HTML part to `path`, or to a new temporary file, that only this user may read; return its path.

    `made_up`: what to say at the end of the file, unseen by readers, if the facts are made up.

    Raises:
        LifecycleError: the file cannot be written.
    """
    note = f"<!-- {made_up.replace('--', '- -')} -->\n" if made_up else ""
    try:
        handle, name = tempfile.mkstemp(prefix="mail-", suffix=".html") if path is None else _opened(path)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{mail.html}\n{note}")
    except OSError as error:
        where = path or tempfile.gettempdir()
        raise LifecycleError(f"{where} cannot be written ({error.strerror}): name another file with --html") from None
    return Path(name)


def _opened(path: Path) -> tuple[int, str]:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), str(path)


def show_in_browser(path: Path) -> bool:
    """Open a file in the user's browser; return whether there is one."""
    return webbrowser.open(path.resolve().as_uri())
