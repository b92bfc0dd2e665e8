"""Pauses: flags in the database that every claim reads.

A pause takes effect within one batch, whether an operator, a paused DAG, a breaker or the provider's refusal set it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy.engine import Connection, Engine, Row

from lifecycle_mail.database import run, scalar
from lifecycle_mail.moments import minute


def campaign_scope(campaign: str) -> str:
    """Return the scope of one campaign's pause."""
    return f"campaign:{campaign}"


def pause(engine: Engine, scope: str, reason: str, at: dt.datetime, detail: str | None = None) -> None:
    """Stop sending in `scope` ('all' or 'campaign:<name>'). An earlier pause stays as it is, unless its reason was a
    paused DAG."""
    with engine.begin() as connection:
        run(connection, "delivery/pause", scope=scope, reason=reason, detail=detail, now=at)


def resume(engine: Engine, scope: str, at: dt.datetime, reason: str | None = None) -> bool:
    """Permit sending in `scope` again; with `reason`, only lift a pause of that reason. True if a pause was lifted.

    Breakers begin a new judgement at `at`: what tripped one before does not trip it again. A DAG's pause changes none.
    """
    with engine.begin() as connection:
        return bool(scalar(connection, "delivery/resume", scope=scope, reason=reason, now=at))


def pauses(connection: Connection, campaign: str | None = None) -> list[Row[Any]]:
    """Return the pauses (scope, reason, detail, paused_at) that hold for one campaign, or all pauses."""
    return list(run(connection, "delivery/pauses", campaign=campaign))


def paused_on_purpose(connection: Connection) -> set[str]:
    """Return the campaigns that an operator paused, here or by their DAGs.

    (After a breaker's pause, planning goes on.)
    """
    return {
        str(one.scope).removeprefix(campaign_scope(""))
        for one in pauses(connection)
        if one.reason in ("operator", "dag") and str(one.scope).startswith(campaign_scope(""))
    }


def sentence(held: Row[Any]) -> str:
    """Return what keeps mails from going, in the words of a delivery's report."""
    return f"paused ({held.reason}): {held.scope}" + (f", {held.detail}" if held.detail else "")


def stops(connection: Connection, campaign: str | None = None, since: dt.datetime | None = None) -> list[str]:
    """Return a sentence for each stop that no operator asked for: what stopped, when, why, and what to do.

    With `campaign`: its breaker alone. Without: the provider's refusal of our access as long as it holds, and the
    breakers that tripped at `since` or later (None = all that hold).
    """
    held = pauses(connection, campaign)
    tripped = [one for one in held if one.reason == "breaker" and (since is None or one.paused_at >= since)]
    refused = [one for one in held if one.reason == "provider" and campaign is None]
    return [_stop_of_access(one) for one in refused] + [_stop_of_campaign(one) for one in tripped]


def _stop_of_access(held: Row[Any]) -> str:
    return (
        f"all sending stopped at {minute(held.paused_at)}: the provider refused our access ({held.detail}): correct "
        "the key or the sender, then run `sending resume`"
    )


def _stop_of_campaign(held: Row[Any]) -> str:
    name = str(held.scope).removeprefix(campaign_scope(""))
    return (
        f"the breaker stopped campaign {name} at {minute(held.paused_at)}: {held.detail}: find the cause, then run "
        f"`campaign resume {name}`"
    )


def sync_dag_pauses(engine: Engine, paused: Iterable[str], known: Iterable[str], at: dt.datetime) -> None:
    """Copy the pauses of campaign DAGs into flags: of the `known` campaigns, those in `paused` are paused as 'dag'.

    This lifts only pauses with reason 'dag'. A pause by an operator or a breaker stays.
    """
    stopped = set(paused)
    for campaign in sorted(known):
        if campaign in stopped:
            pause(engine, campaign_scope(campaign), "dag", at)
        else:
            resume(engine, campaign_scope(campaign), at, "dag")


def rename_campaign(connection: Connection, former: str, present: str) -> None:
    """Give a campaign's pause, approvals and attempts its present name."""
    run(connection, "delivery/rename_campaign", former=former, present=present)
