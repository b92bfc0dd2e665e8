"""The sender of the mails: include/brand.yaml, with the two values that settings give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from lifecycle_mail.campaigns.building import build
from lifecycle_mail.campaigns.documents import read_document
from lifecycle_mail.campaigns.patterns import COLOUR, CURRENCY


class Brand(BaseModel):
    """The sender as recipients see it. `currency` (ISO 4217) and `language` are the fallbacks of a mail."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    tagline: str | None = None
    url: str
    logo_url: str | None = None
    colour: str = Field(pattern=COLOUR)
    support_email: str
    preferences_url: str
    postal_address: str
    currency: str = Field("USD", pattern=CURRENCY)
    language: str = "en"

    def for_templates(self) -> dict[str, Any]:
        """Return the values that templates know as `brand`."""
        return self.model_dump(exclude={"currency", "language"})


def read_brand(path: Path, *, postal_address: str) -> Brand:
    """Read include/brand.yaml.

    Raises:
        CampaignError: the file is missing or wrong; one line per error, with file and line.
    """
    return build(Brand, read_document(path), path, extra={"postal_address": postal_address})
