"""`message preview`: one customer's mail, exact if it was rendered, else as it would be rendered now."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import replace
from typing import Any

from sqlalchemy.engine import Connection, Row

from lifecycle_mail import segments
from lifecycle_mail.campaigns import Campaign
from lifecycle_mail.database import run
from lifecycle_mail.delivery.work import ClaimSetup, shell_to_send
from lifecycle_mail.errors import CampaignError, LifecycleError
from lifecycle_mail.journeys import days_ahead
from lifecycle_mail.messages import load_shell
from lifecycle_mail.messages.packing import packer
from lifecycle_mail.messages.shells import RenderedMail, Shell, ShellSpec, rebuild
from lifecycle_mail.messages.snapshots import at_sending
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.pipeline import Installation


def stored_mail(
    installation: Installation, campaign: Campaign, step: str, customer_id: str, now: dt.datetime
) -> RenderedMail:
    """Return the mail of one customer and step.

    Raises:
        LifecycleError: no such step or customer, or the customer is neither enrolled nor in the segment.
    """
    if step not in [one.step for one in campaign.steps]:
        raise CampaignError(
            f"campaign {campaign.campaign} has no step '{step}': it has "
            + ", ".join(one.step for one in campaign.steps)
        )
    with installation.engine.connect() as connection:
        reading = {"campaign": campaign.campaign, "step": step, "customer_id": customer_id}
        row = run(connection, "messages/stored_mail", **reading).one_or_none()
        if row is not None and row.slots is not None:
            shell = load_shell(connection, row.shell_id)
            return rebuild(shell, packer(shell.slots_dictionary).unpack(bytes(row.slots)), row.subject)
        context = row.context if row is not None else _context_now(installation, campaign, customer_id, now)
        library: TemplateLibrary = installation.library
        chosen: Shell | None = None
        if row is not None and row.shell_id is not None:
            library, chosen = _as_planned(installation, connection, row.shell_id, now)
        return _render(installation, connection, campaign, step, customer_id, context, library, chosen, now)


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
    step_name: str,
    customer_id: str,
    context: dict[str, Any],
    library: TemplateLibrary,
    shell: Shell | None,
    now: dt.datetime,
) -> RenderedMail:
    person = run(connection, "messages/recipient", customer_id=customer_id).one_or_none()
    if person is None:
        raise LifecycleError(f"customer '{customer_id}' is unknown: check the id")
    if shell is None:
        currency = context.get("currency") or person.currency or installation.brand.currency
        shell = _as_now(installation, campaign, step_name, person.locale, currency)
    context = at_sending(context, shell.currency, now)
    customer = _customer(person, shell.language, shell.currency)
    links = {"unsubscribe_url": f"{installation.settings.public_url}/unsubscribe/preview", "view_url": None}
    slots = library.slots(shell).render(customer, context, links, None)
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
    installation: Installation, campaign: Campaign, step_name: str, locale: str | None, currency: str
) -> Shell:
    """Return the shell of a mail that was not planned: the step's first variant."""
    library, brand, step = installation.library, installation.brand, campaign.step_named(step_name)
    variant = next(iter(step.variants), "default")
    spec = ShellSpec(
        template=step.template,
        campaign=campaign.campaign,
        step=step.step,
        variant=variant,
        language=library.language_for(locale, brand.language),
        currency=currency,
        brand=brand.for_templates(),
        offer=step.offer_for(variant),
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


def print_mail(mail: RenderedMail, html: bool) -> None:
    """Write the mail to stdout: the HTML part alone, or the subject and the text part."""
    sys.stdout.write(mail.html if html else f"Subject: {mail.subject}\n\n{mail.text}")
