"""Write planned mails: first the shells that a run needs, then one row per recipient in one statement.

Nothing personal is rendered here; slots are rendered when a mail is claimed. Reads decisions, writes schema
`message`.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import orjson
from sqlalchemy.engine import Connection, Engine, Row

from lifecycle_mail.campaigns import Brand, Campaign, Topic
from lifecycle_mail.concurrency import PARALLEL_FROM_ROWS, exclusive_lock, run_in_parallel
from lifecycle_mail.database import refresh_statistics, run
from lifecycle_mail.journeys import first_name_to_plan
from lifecycle_mail.messages.codes import give_codes, renew_codes
from lifecycle_mail.messages.definitions import Definition, keep, keep_as_read, read_definition
from lifecycle_mail.messages.shells import Shell, ShellSpec
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.messages.texts import FolderTexts
from lifecycle_mail.settings import DEVELOPMENT_POSTAL_ADDRESS

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WriteCounts:
    """Mails planned, the shells they share, and decisions whose step or variant left the campaign: their mails are
    cancelled before they are written."""

    messages: int
    shells: int
    step_gone: int = 0

    def counts(self) -> dict[str, int]:
        return asdict(self)


def write_messages(
    engine: Engine,
    campaign: Campaign,
    topic: Topic,
    library: TemplateLibrary,
    brand: Brand,
    now: dt.datetime,
) -> WriteCounts:
    """Write one planned mail for each decision to send or defer that has none yet.

    The mails carry the definition that these arguments make. It is kept together with the first of them.

    Raises:
        TemplateError: a template cannot be read, or a shell cannot be rendered; nothing is written then.
    """
    lock_name = f"campaign:{campaign.campaign}"
    with exclusive_lock(engine, lock_name):
        new = _new_decisions(engine, campaign, brand)
        if new is None:
            return WriteCounts(messages=0, shells=0)
        rest = {"topic": topic.topic, "priority": campaign.priority, "now": now}
        definition = read_definition(campaign, topic, library, brand)
        with engine.begin() as connection:
            (keep_as_read if isinstance(library.texts, FolderTexts) else keep)(connection, definition)
            groups, gone = _parted(campaign, run(connection, "messages/shells_needed", **new).all())
            if gone:
                cancel_unwritten(connection, campaign, new["after"], new["upto"], rest)
            shells = _shells_of(connection, definition, brand, groups)
        given = {**rest, "shells": _json(shells)}
        offering = [
            shell["shell_id"] for shell in shells if campaign.offer_for(shell["step"], shell["variant"]) is not None
        ]
        halves = (0, 1) if new["upto"] - new["after"] > PARALLEL_FROM_ROWS else (None,)
        written = sum(run_in_parallel(engine, lock_name, halves, partial(_write, {**new, **given}, offering)))
        _finish(engine, campaign, new["upto"], written)
    return WriteCounts(messages=written, shells=len({shell["shell_id"] for shell in shells}), step_gone=gone)


def _parted(campaign: Campaign, groups: Sequence[Row[Any]]) -> tuple[list[Row[Any]], int]:
    """Return the groups whose step and variant the campaign still has, and how many decisions the others have."""
    places = _places(campaign)
    gone = Counter[tuple[str, str]]()
    for group in groups:
        if (group.step, group.variant) not in places:
            gone[group.step, group.variant] += group.mails
    steps = {step for step, _ in places}
    for (step, variant), decisions in sorted(gone.items()):
        lost = f"variant '{variant}' of step '{step}'" if step in steps else f"step '{step}'"
        logger.warning(
            "campaign %s has no %s any more: %d decisions to send it get no mail", campaign.campaign, lost, decisions
        )
    return [group for group in groups if (group.step, group.variant) in places], gone.total()


def _places(campaign: Campaign) -> set[tuple[str, str]]:
    """Return every (step, variant) that the campaign writes mails for."""
    return {(step.step, variant) for step in campaign.mails for variant in step.variants or ("default",)}


def cancel_unwritten(
    connection: Connection, campaign: Campaign, after: int, upto: int, rest: dict[str, Any]
) -> None:
    """Enter the mails of decisions whose step or variant is gone as cancelled: `step_gone` or `variant_gone`.

    The decisions are those after `after` up to `upto`; `rest` holds topic, priority and now.
    """
    places = [{"step": step, "variant": variant} for step, variant in sorted(_places(campaign))]
    bounds = {"campaign": campaign.campaign, "after": after, "upto": upto}
    run(connection, "messages/write_gone", **bounds, **rest, places=_json(places), reason=None)


def end_retired(connection: Connection, campaign: str, now: dt.datetime) -> int:
    """Cancel the mails of a campaign that is retired: the planned ones, and those that were decided and not written.

    Returns how many planned ones it were. The caller holds the campaign's lock.
    """
    published = run(connection, "journeys/published", campaign=campaign).one()
    new = run(connection, "messages/new_decisions", campaign=campaign).one()
    if new.upto is not None:
        rest = {"topic": published.topic, "priority": published.priority, "now": now}
        bounds = {"campaign": campaign, "after": new.after, "upto": new.upto}
        run(connection, "messages/write_gone", **bounds, **rest, places="[]", reason="campaign_retired")
        run(connection, "messages/mark_written", campaign=campaign, upto=new.upto)
    return run(connection, "messages/end_retired", campaign=campaign, now=now).rowcount


def _new_decisions(engine: Engine, campaign: Campaign, brand: Brand) -> dict[str, Any] | None:
    """Return which decisions have no mail yet and how their shells are chosen, in the form of the SQL; None = none."""
    with engine.connect() as connection:
        first_name_to_plan(connection, campaign.campaign)
        new = run(connection, "messages/new_decisions", campaign=campaign.campaign).one()
    if new.upto is None or new.upto <= new.after:
        return None
    bounds = {"campaign": campaign.campaign, "after": new.after, "upto": new.upto}
    return {**bounds, "default_currency": brand.currency}


def _write(writing: dict[str, Any], offering: list[int], connection: Connection, half: int | None) -> int:
    """Write the mails of one half, with the codes of those that have an offer; both are there, or none."""
    written = run(connection, "messages/write", **writing, half=half).rowcount
    give_codes(connection, offering, half)
    return written


def _json(value: list[Any] | dict[str, Any]) -> str:
    return orjson.dumps(value).decode()


def _finish(engine: Engine, campaign: Campaign, upto: int, written: int) -> None:
    """Record that everything is written. After a kill before it, the same mails are written again, without effect."""
    with engine.begin() as connection:
        run(connection, "messages/mark_written", campaign=campaign.campaign, upto=upto)
        refresh_statistics(connection, "message.message", written)


def _shells_of(
    connection: Connection, definition: Definition, brand: Brand, groups: Sequence[Row[Any]]
) -> list[dict[str, Any]]:
    """Return each group's values with the id of its shell. Locales that read one language share one shell."""
    known: dict[tuple[str, ...], int] = {}
    shells = []
    for group in groups:
        language = definition.library.language_for(group.locale, brand.language)
        place = (group.step, group.variant, language, group.currency)
        if place not in known:
            spec = definition.shell_spec(*place, brand=brand.for_templates())
            known[place] = ensure_shell(connection, definition.library, spec, definition.campaign.topic)
        group_of = {"step": group.step, "variant": group.variant, "locale": group.locale, "currency": group.currency}
        shells.append({**group_of, "shell_id": known[place]})
    return shells


def ensure_shell(connection: Connection, library: TemplateLibrary, spec: ShellSpec, topic: str) -> int:
    """Return the id of the shell that `spec` has in `topic`; render it if it is new.

    A campaign that moves to another topic gets new shells, because a mail's sender and group are those of its topic.
    """
    ingredients = library.shell_key(spec)
    key = {"shell_key": f"{ingredients}/{topic}", "topic": topic}
    known = run(connection, "messages/find_shell", **key, ingredients_key=ingredients).scalar_one_or_none()
    if known is not None:
        return int(known)
    columns = {
        name: _json(value) if isinstance(value, dict) else value
        for name, value in library.shell(spec).columns().items()
    }
    return int(run(connection, "messages/insert_shell", **{**columns, **key}).scalar_one())


def load_shell(connection: Connection, shell_id: int) -> Shell:
    """Return the shell with which a mail was planned."""
    return Shell.from_columns(run(connection, "messages/load_shell", shell_id=shell_id).mappings().one())


def rebind_shell(connection: Connection, library: TemplateLibrary, shell_id: int) -> int:
    """Give planned mails of `shell_id` the shell that `fresh_shell` returns, and return it."""
    fresh = fresh_shell(connection, library, shell_id)
    rebind(connection, shell_id, fresh)
    return fresh


def rebind(connection: Connection, shell_id: int, fresh_shell_id: int) -> None:
    """Give planned mails of one shell another one; mails that are already claimed keep theirs."""
    if fresh_shell_id != shell_id:
        run(connection, "messages/rebind", shell_id=shell_id, fresh_shell_id=fresh_shell_id)
        renew_codes(connection, fresh_shell_id)


def fresh_shell(connection: Connection, library: TemplateLibrary, shell_id: int) -> int:
    """Return the shell for planned mails of `shell_id` outside live: itself, or a new one.

    If a template is corrected after planning, the corrected one goes out. The new shell carries no definition, because
    live sending would then ask for an approval of files that no person has read.
    """
    row = run(connection, "messages/load_shell", shell_id=shell_id).mappings().one()
    shell = Shell.from_columns(row)
    if shell.template_version == library.version(shell.name):
        return shell_id
    return ensure_shell(connection, library, replace(shell.spec, definition_md5=None), row["topic"])


def shell_by(connection: Connection, definition: Definition, shell_id: int, postal_address: str) -> int:
    """Return the shell for planned mails of `shell_id` in live: the one that `definition` has in its place.

    `postal_address` is today's. Mails that were planned from this very definition keep theirs, unless it is the
    development address.
    """
    shell = load_shell(connection, shell_id)
    is_its_own = shell.definition_md5 == definition.md5
    planned_address = str(shell.brand["postal_address"])
    keeps_address = is_its_own and planned_address != DEVELOPMENT_POSTAL_ADDRESS
    brand = definition.brand_at(planned_address if keeps_address else postal_address).for_templates()
    if is_its_own and shell.template_version == definition.library.version(shell.name) and brand == shell.brand:
        return shell_id
    spec = definition.shell_spec(shell.step, str(shell.variant), shell.language, shell.currency, brand)
    return ensure_shell(connection, definition.library, spec, definition.campaign.topic)

