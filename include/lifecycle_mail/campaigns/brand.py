"""The sender of the mails: include/brand.yaml, with the two values that settings give."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lifecycle_mail.campaigns.building import in_file_order, survey
from lifecycle_mail.campaigns.documents import survey_document
from lifecycle_mail.campaigns.patterns import COLOUR, CURRENCY, Name, Page
from lifecycle_mail.errors import CampaignError


def _by_lower_case(pages: dict[str, str]) -> dict[str, str]:
    return {topic.lower(): page for topic, page in pages.items()}


class Brand(BaseModel):
    """The sender as recipients see it. `currency` (ISO 4217) and `language` are the fallbacks of a mail.

    `preferences_url`: a preference page of the shop's own; None = ours, which each mail has a signed link to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    tagline: str | None = None
    url: str
    logo_url: str | None = None
    colour: str = Field(pattern=COLOUR)
    support_email: str
    preferences_url: str | None = None
    postal_address: str
    currency: str = Field("USD", pattern=CURRENCY)
    language: str = "en"
    pages: dict[Name, Page] = Field(default_factory=dict, description="name → page of the shop that mails lead to")
    topic_pages: Annotated[dict[str, Page], AfterValidator(_by_lower_case)] = Field(
        default_factory=dict, description="topic or subject, as the feeds write it → its page"
    )

    def for_templates(self) -> dict[str, Any]:
        """Return the values that templates know as `brand`."""
        return self.model_dump(exclude={"currency", "language"})


def read_brand(path: Path, *, postal_address: str) -> Brand:
    """Read include/brand.yaml.

    Raises:
        CampaignError: the file is missing or wrong; one line per error, with file and line.
    """
    brand, problems = survey_brand(path, postal_address=postal_address)
    if brand is None:
        raise CampaignError("\n".join(problems))
    return brand


def survey_brand(path: Path, *, postal_address: str) -> tuple[Brand | None, list[str]]:
    """Return what `read_brand` returns or None, and all that is wrong with the file, by line."""
    try:
        document = survey_document(path)
    except CampaignError as error:
        return None, str(error).splitlines()
    brand, problems = survey(Brand, document, path, extra={"postal_address": postal_address})
    problems = in_file_order([*problems, *document.problems], path)
    return (None if problems else brand), problems
