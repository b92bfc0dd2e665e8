"""Campaigns by name: a renamed file goes on with its series and numbers; one that is gone is named until it is retired.

Between the stages and the pipeline. A name means one campaign for ever: occurrences, holdout, mails and numbers stand
under it. A file says `renamed_from`; the first installation that opens with it gives everything that is stored the new
name, in one transaction. docs/decisions/0046 says why it is like this.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from psycopg2.errors import DeadlockDetected
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from lifecycle_mail import decisions, delivery, events, journeys, kpis, messages
from lifecycle_mail.campaigns import Campaign, did_you_mean, former_names
from lifecycle_mail.database import engine, lock, run
from lifecycle_mail.errors import CampaignError, LifecycleError
from lifecycle_mail.journeys import CampaignName
from lifecycle_mail.moments import minute

TRIES = 5  # a worker that records an answer at the same time may be in the way


@dataclass(frozen=True)
class Known:
    """One name in the warehouse. `is_noted`: it was renamed or retired; `is_used`: series of it were begun."""

    name: CampaignName
    is_noted: bool
    is_used: bool


@dataclass(frozen=True)
class Retirement:
    """What retiring a campaign ended: series, steps that were decided with it, and planned mails."""

    series: int
    steps: int
    mails: int


def agree(warehouse: Engine, folder: Path) -> None:
    """Rename what is stored of campaigns whose files say `renamed_from`.

    Without news this is a look at the files, and with such a file one at a small table. A campaign that cannot be
    renamed is left alone here: its planning is refused (`require_agreed`). A kill leaves all or nothing.
    """
    wanted = former_names(folder)
    if not wanted:
        return
    files = files_of(folder)
    with warehouse.connect() as connection:
        if not _news(names(connection), wanted, files):
            return
    for turn in range(TRIES):
        try:
            _rename_all(warehouse, wanted, files)
            break
        except OperationalError as error:
            if turn == TRIES - 1 or not isinstance(error.orig, DeadlockDetected):
                raise


def files_of(folder: Path) -> set[str]:
    """Return the names that campaign files of the folder have, whatever is in them."""
    return {path.stem for path in folder.glob("*.yaml")}


def names(connection: Connection) -> dict[str, Known]:
    """Return every name that campaigns have or had in this warehouse."""
    return {
        row.campaign: Known(
            CampaignName(
                row.campaign, row.first_name or row.campaign, row.became, row.retired_at, row.retired_because
            ),
            row.is_noted,
            row.is_used,
        )
        for row in run(connection, "installation/campaign_names")
    }


def _unknown(name: str) -> Known:
    return Known(CampaignName(name, name), is_noted=False, is_used=False)


def _present(known: dict[str, Known], name: str) -> Known:
    """Return the campaign that `name` means now."""
    one = known.get(name, _unknown(name))
    return known.get(one.name.present, one)


def _news(known: dict[str, Known], wanted: dict[str, str], files: Collection[str]) -> list[tuple[str, str]]:
    """Return (former, present) of what can be renamed and is not yet."""
    return [
        (former, present)
        for former, present in wanted.items()
        if not _is_agreed(known, former, present) and _obstacle(known, former, present, files) is None
    ]


def _is_agreed(known: dict[str, Known], former: str, present: str) -> bool:
    return former in known and _present(known, former).name.campaign == present


def _obstacle(known: dict[str, Known], former: str, present: str, files: Collection[str]) -> str | None:
    """Return why `former` cannot be called `present`, or None."""
    before, after = _present(known, former), known.get(present, _unknown(present))
    name = before.name.campaign
    if after.name.became and after.name.became != name:
        return f"'{present}' is what '{after.name.became}' was called before, and means that one: choose another name"
    if name not in (former, present) and name in files:
        return f"'{former}' is called '{name}' now, which has a file of its own: take it out"
    if before.is_used and after.is_used and name != present:
        return (
            f"'{former}' and '{present}' both have series already, and cannot become one campaign: take it out, and "
            f"run `campaign retire {former} --because …`"
        )
    return None


def require_agreed(connection: Connection, campaign: Campaign, folder: Path) -> None:
    """Do nothing, if everything that a campaign's file says of former names is so in the warehouse.

    Raises:
        CampaignError: the name means another campaign, or a former name does: nothing is planned.
    """
    known = names(connection)
    here = known.get(campaign.campaign, _unknown(campaign.campaign)).name
    if here.became and here.became not in campaign.renamed_from:
        raise CampaignError(f"campaign '{campaign.campaign}' is called '{here.became}' now: write that")
    for former in campaign.renamed_from:
        if not _is_agreed(known, former, campaign.campaign):
            why = _obstacle(known, former, campaign.campaign, files_of(folder))
            raise CampaignError(f"{campaign.campaign}.yaml: renamed_from: {why or 'not done yet: run it again'}")


def _rename_all(warehouse: Engine, wanted: dict[str, str], files: Collection[str]) -> None:
    with warehouse.begin() as connection:
        lock(connection, "campaigns")
        for former, present in wanted.items():
            known = names(connection)  # the one before may have changed them
            if _news(known, {former: present}, files):
                _rename(connection, known, former, present)


def _rename(connection: Connection, known: dict[str, Known], former: str, present: str) -> None:
    """Note that `former` is called `present` now, and rename what is stored of it. Nothing else may write meanwhile."""
    before, after = _present(known, former), known.get(present)
    name, first_name = before.name.campaign, before.name.first_name
    if after is not None and after.is_used and name != present:
        first_name = after.name.first_name  # a former name that this warehouse never had
    elif name in known:
        _rename_stored(connection, name, present)
    for one in sorted({name, former} - {present}):
        run(connection, "installation/rename_campaign", former=one, present=present, first_name=first_name)


def _rename_stored(connection: Connection, former: str, present: str) -> None:
    for name in (*sorted({f"campaign:{former}", f"campaign:{present}"}), "ingest", "kpis"):
        lock(connection, name)
    for stage in (journeys, decisions, messages, delivery, events, kpis):
        stage.rename_campaign(connection, former, present)


def retire(warehouse: Engine, campaign: str, because: str, now: dt.datetime) -> Retirement:
    """End every running series of a campaign as `campaign_retired`, with a reason for each step and mail left.

    Raises:
        CampaignError: no such campaign was ever planned, it is called otherwise now, or it was retired before.
    """
    with warehouse.begin() as connection:
        lock(connection, "campaigns")
        lock(connection, f"campaign:{campaign}")
        _require_retirable(connection, campaign)
        run(connection, "installation/retire_campaign", campaign=campaign, because=because, now=now)
        series = journeys.retire(connection, campaign, now)
        steps = decisions.close(connection, campaign, now)
        mails = messages.end_retired(connection, campaign, now)
    return Retirement(series, steps, mails)


def _require_retirable(connection: Connection, campaign: str) -> None:
    name = journeys.require_present(connection, campaign)
    if name.retired_at:
        raise CampaignError(f"campaign '{campaign}' was retired before, at {minute(name.retired_at)}")
    if not journeys.is_published(connection, campaign):
        present = sorted(known for known, one in names(connection).items() if not one.name.became)
        raise CampaignError(f"no campaign '{campaign}' was ever planned here{did_you_mean(campaign, present)}")


def lost(connection: Connection, files: Collection[str]) -> list[str]:
    """Return a sentence for each campaign that has series and no file among `files` (names), unless it was retired.

    A file that is there though its campaign was retired is named too: nothing is planned from it.
    """
    found = []
    for name, one in sorted(names(connection).items()):
        retired_at = one.name.retired_at
        if one.name.became or (name in files) == (retired_at is None):
            continue
        if retired_at is None and one.is_used:
            found.append(_without_file(connection, name))
        elif retired_at is not None:
            found.append(
                f"campaign {name} was retired at {minute(retired_at)} ({one.name.retired_because}), and nothing is "
                "planned from its file: take the file out"
            )
    return found


def _without_file(connection: Connection, name: str) -> str:
    left = run(connection, "installation/campaign_open", campaign=name).one()
    return (
        f"campaign {name} has no file any more, and {left.series} running series and {left.mails} planned mails: put "
        f"the file back, write `renamed_from: {name}` into the file that it is now, or run `campaign retire {name} "
        "--because …`"
    )


def lost_by_url(database_url: str, files: Collection[str], seconds: int) -> list[str]:
    """Return what `lost` does, or nothing if the warehouse has no answer within `seconds`."""
    try:
        warehouse = engine(database_url, connect_seconds=seconds)
        try:
            with warehouse.connect() as connection:
                connection.exec_driver_sql(f"set local statement_timeout = '{seconds}s'")
                return lost(connection, files)
        finally:
            warehouse.dispose()
    except (SQLAlchemyError, LifecycleError):
        return []
