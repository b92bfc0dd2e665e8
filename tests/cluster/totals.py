"""What a run came to, read from three independent books, and what is wrong with it.

The provider's record (what it accepted), the warehouse (what became of every mail) and Airflow (which task
processes ran where) are kept by different programs: the judgement compares them and trusts none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import sqlalchemy as sa
from sqlalchemy.engine import Engine

SETTLED = frozenset({"accepted", "rejected", "cancelled", "abandoned"})
PAGE = 10_000

MAILS = "select cast(message_id as text), campaign, customer_id, state, reason from message.message"
DECIDED = "select campaign, count(*) as mails from decision.decision where outcome = 'send' group by campaign"
ACCEPTED_KPI = "select campaign, accepted from kpi.campaign_summary where step is null and variant is null"
EVENTS = "select count(*) from event.event"


@dataclass(frozen=True)
class Mail:
    """One mail as the warehouse knows it at the end."""

    message_id: str
    campaign: str
    customer_id: str
    state: str
    reason: str | None


@dataclass(frozen=True)
class Killed:
    """What the kill met: task processes Airflow had running in that container, by their map index, and requests.

    `requests` are the workers (host:pid:shard) whose request was still unanswered after the kill.
    """

    container: str
    shards: tuple[int, ...]
    requests: tuple[str, ...]


@dataclass(frozen=True)
class Totals:
    """Everything that the judgement looks at. It holds mails and ids, not sums, wherever there is a choice."""

    decided: Mapping[str, int]
    mails: tuple[Mail, ...]
    provider_ids: tuple[str | None, ...]
    provider_requests: int
    killed: Killed
    in_doubt_requests: Mapping[str, int]
    buyers: frozenset[str]
    requests_after_kill: Mapping[str, int]
    provider_events: int
    events: int
    kpi_accepted: Mapping[str, int]


def problems(totals: Totals) -> list[str]:
    """Return one line for each promise that was not kept; empty when all were."""
    return [*_sent_once(totals), *_nothing_lost(totals), *_doubt(totals), *_books_agree(totals)]


def _sent_once(totals: Totals) -> list[str]:
    twice = [key for key, times in Counter(totals.provider_ids).items() if times > 1]
    return [f"{len(twice)} mails were accepted more than once by the provider"] if twice else []


def _nothing_lost(totals: Totals) -> list[str]:
    found = []
    written = Counter(mail.campaign for mail in totals.mails)
    if not totals.mails or written != Counter(totals.decided):
        found.append(f"decided to send {dict(totals.decided)}, mails written {dict(written)}")
    if open_ := Counter(mail.state for mail in totals.mails if mail.state not in SETTLED):
        found.append(f"mails not settled at the end: {dict(open_)}")
    silent = [mail for mail in totals.mails if mail.state in ("rejected", "cancelled") and not mail.reason]
    if silent:
        found.append(f"{len(silent)} mails rejected or cancelled without a reason")
    cancelled = {mail.customer_id for mail in totals.mails if mail.state == "cancelled"}
    bought = {mail.customer_id for mail in totals.mails if mail.customer_id in totals.buyers}
    if cancelled != bought or not bought:
        found.append(f"{len(cancelled)} mails cancelled, of {len(bought)} people who bought before their mail went")
    return found


def _doubt(totals: Totals) -> list[str]:
    found = []
    killed, doubtful = totals.killed, sum(totals.in_doubt_requests.values())
    if not killed.shards or not killed.requests:
        found.append("the kill met no request in flight: this run proves nothing")
    if doubtful > len(killed.shards):
        found.append(f"{doubtful} requests in doubt after {len(killed.shards)} task processes were killed")
    if set(totals.in_doubt_requests) != set(killed.requests):
        found.append(f"in doubt are requests of {set(totals.in_doubt_requests)}, killed were {set(killed.requests)}")
    if not any(count for host, count in totals.requests_after_kill.items() if host != killed.container):
        found.append("no other worker made a request after the kill")
    if totals.requests_after_kill.get(killed.container):
        found.append("the killed worker made requests after its death")
    return found


def _books_agree(totals: Totals) -> list[str]:
    found = []
    accepted = {mail.message_id: mail.campaign for mail in totals.mails if mail.state == "accepted"}
    if set(accepted) != set(totals.provider_ids):
        only_ours, only_theirs = set(accepted) - set(totals.provider_ids), set(totals.provider_ids) - set(accepted)
        found.append(f"accepted by our book alone: {len(only_ours)}, by the provider's alone: {len(only_theirs)}")
    campaign_of = {mail.message_id: mail.campaign for mail in totals.mails}
    by_provider = Counter(campaign_of.get(str(key), "(unknown)") for key in totals.provider_ids)
    if by_provider != Counter(totals.kpi_accepted):
        found.append(f"accepted by the KPIs {dict(totals.kpi_accepted)}, by the provider {dict(by_provider)}")
    if totals.events != totals.provider_events:
        found.append(f"{totals.events} events loaded, {totals.provider_events} happened")
    return found


def read_totals(warehouse: Engine, simulator: httpx.Client, killed: Killed, **known: Any) -> Totals:
    """Read the books at the end of a run; `known` holds what had to be looked at on the way."""
    with warehouse.connect() as connection:
        mails = [Mail(*row) for row in connection.execute(sa.text(MAILS))]
        decided = {row.campaign: int(row.mails) for row in connection.execute(sa.text(DECIDED))}
        events = int(connection.execute(sa.text(EVENTS)).scalar_one())
        accepted = {row.campaign: int(row.accepted) for row in connection.execute(sa.text(ACCEPTED_KPI))}
    state = simulator.get("state").json()
    return Totals(
        decided=decided,
        mails=tuple(mails),
        provider_ids=tuple(_accepted_ids(simulator)),
        provider_requests=state["requests"],
        killed=killed,
        provider_events=sum(state["events"].values()),
        events=events,
        kpi_accepted=accepted,
        **known,
    )


def _accepted_ids(simulator: httpx.Client) -> list[str | None]:
    """Return the message id of every recipient in the provider's record, in its order."""
    ids: list[str | None] = []
    while True:
        page = simulator.get("accepted", params={"offset": len(ids), "limit": PAGE}).json()
        ids += [item["message_id"] for item in page["items"]]
        if len(ids) >= page["total"]:
            return ids
