"""Whom the mails are from: include/brand.yaml, with the two values that settings give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lifecycle_mail.errors import CampaignError


class Brand(BaseModel):
    """The sender as recipients see it. `currency` ISO 4217 and `language` are the fallbacks of a mail."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    tagline: str | None = None
    url: str
    logo_url: str | None = None
    colour: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")
    support_email: str
    preferences_url: str
    postal_address: str
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    language: str = "en"

    def for_templates(self) -> dict[str, Any]:
        """Return what templates know as `brand`."""
        return self.model_dump(exclude={"currency", "language"})


def read_brand(path: Path, *, postal_address: str) -> Brand:
    """Read include/brand.yaml.

    Raises:
        CampaignError: the file is missing or wrong.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Brand.model_validate({**values, "postal_address": postal_address})
    except OSError:
        raise CampaignError(f"{path.name}: cannot be read: every mail needs a sender; restore the file") from None
    except yaml.YAMLError:
        raise CampaignError(f"{path.name}: is not YAML") from None
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise CampaignError(f"{path.name}: '{name}': {first['msg']}") from None
