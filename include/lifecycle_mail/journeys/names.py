"""What a campaign is called: a former name plans nothing any more, and people are dealt by the first name.

`installation.campaign` holds the names of campaigns that were renamed or retired. A campaign without a row there has
had one name all along.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from lifecycle_mail.database import run
from lifecycle_mail.errors import CampaignError
from lifecycle_mail.moments import minute


@dataclass(frozen=True)
class CampaignName:
    """One name. `became`: what the campaign is called now (None = this). `first_name`: what it was called first."""

    campaign: str
    first_name: str
    became: str | None = None
    retired_at: dt.datetime | None = None
    retired_because: str | None = None

    @property
    def present(self) -> str:
        """The present name."""
        return self.became or self.campaign


def name_of(connection: Connection, campaign: str) -> CampaignName:
    """Return what is known of a campaign's name."""
    row = run(connection, "installation/campaign_name", campaign=campaign).one_or_none()
    return CampaignName(**row._mapping) if row else CampaignName(campaign, campaign)


def require_present(connection: Connection, campaign: str) -> CampaignName:
    """Return what is known of a campaign's name, if that is its present one.

    Raises:
        CampaignError: it is called otherwise now.
    """
    name = name_of(connection, campaign)
    if name.became:
        raise CampaignError(f"campaign '{campaign}' is called '{name.became}' now: write that")
    return name


def first_name_to_plan(connection: Connection, campaign: str) -> str:
    """Return the name that people are dealt by. The caller holds the campaign's lock: no renaming comes between.

    Raises:
        CampaignError: the campaign is called otherwise now, or was retired: nothing is planned under this name.
    """
    name = require_present(connection, campaign)
    if name.retired_at:
        raise CampaignError(
            f"campaign '{campaign}' was retired at {minute(name.retired_at)} "
            f"({name.retired_because}): take its file out; where it is to go on, give the file another name with "
            f"`renamed_from: {campaign}`"
        )
    return name.first_name
