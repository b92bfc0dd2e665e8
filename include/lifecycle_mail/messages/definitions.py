"""The definition that mails carry: campaign file, sender, brand, and every text that they are made of.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
When mails are planned from a definition, the database keeps it. So they go out as they were planned, whatever the files
say by then. Live sending needs an approval of its checksum. Not part of it are the postal address (a setting) and the
rules of a topic (caps, quiet hours, limits), which apply as they are today.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from sqlalchemy.engine import Connection

from lifecycle_mail.campaigns import Brand, Campaign, Topic, topic_called
from lifecycle_mail.database import run, scalar
from lifecycle_mail.errors import CampaignError
from lifecycle_mail.messages.ingredients import SAMPLE, ingredients, samples
from lifecycle_mail.messages.shells import ShellSpec
from lifecycle_mail.messages.templates import TemplateLibrary
from lifecycle_mail.messages.texts import StoredTexts

Model = TypeVar("Model", bound=BaseModel)

# What recipients see of a topic. A topic need not have all of these keys.
SEEN_OF_TOPIC = {"sender", "reply_to"}
REMEMBERED = 64


@dataclass(frozen=True)
class Definition:
    """What a campaign's mails are planned from. Grain: one `md5`.

    `sender` holds what recipients see of the topic, `brand` the brand file's values, `texts` file name → text.
    """

    campaign: Campaign
    sender: dict[str, Any]
    brand: dict[str, Any]
    texts: dict[str, str]

    @cached_property
    def md5(self) -> str:
        """The checksum that an approval holds for (32 hex digits)."""
        return _md5(orjson.dumps(self.parts, option=orjson.OPT_SORT_KEYS).decode())

    @cached_property
    def parts(self) -> dict[str, str]:
        """The checksum of each part, by its name: 'campaign file', 'sender', 'brand', and each file's path."""
        plain = {"campaign file": self.campaign.content(), "sender": self.sender, "brand": self.brand}
        files = {path: _md5(text) for path, text in self.texts.items() if not path.endswith(f"/{SAMPLE}")}
        return {name: _md5(_json(value)) for name, value in plain.items()} | files

    @cached_property
    def library(self) -> TemplateLibrary:
        """The templates with this definition's texts."""
        return TemplateLibrary(StoredTexts(self.texts))

    def topic_in(self, topics: dict[str, Topic]) -> Topic:
        """Return the campaign's topic with the sender of this definition.

        Raises:
            CampaignError: the topics file does not have the topic any more.
        """
        topic = topic_called(topics, self.campaign.topic)
        if topic is None:
            raise CampaignError(f"topic '{self.campaign.topic}' is not in topics.yaml any more: put it back")
        return topic if seen_of(topic) == self.sender else _sent_by(topic, self.sender)

    def brand_at(self, postal_address: str) -> Brand:
        """Return the brand with the postal address of the settings."""
        return _read_again(Brand, {**self.brand, "postal_address": postal_address})

    def has_place(self, step: str, variant: str, language: str) -> bool:
        """Tell whether mails of this step, variant and language are written by this definition."""
        found = [one for one in self.campaign.mails if one.step == step]
        variants = found[0].variants or {"default": 1.0} if found else {}
        return variant in variants and language in self.library.languages()

    def shell_spec(
        self, step: str, variant: str, language: str, currency: str, brand: Mapping[str, Any]
    ) -> ShellSpec:
        """Return what this definition makes the shell of a step, variant, language and currency from."""
        written = self.campaign.step_named(step)
        return ShellSpec(
            written.template, self.campaign.campaign, step, variant, language, currency, brand,
            self.campaign.offer_for(step, variant), self.md5, written.subject == "again",
        )  # fmt: skip

    def require_writable(self, postal_address: str) -> None:
        """Write the shared part of every mail, and read the personal parts.

        Raises:
            TemplateError: one of them cannot be written; the message has file, line and what to do.
        """
        brand = self.brand_at(postal_address)
        for step in self.campaign.mails:
            for variant in step.variants or ("default",):
                for language in self.library.languages():
                    spec = self.shell_spec(step.step, variant, language, brand.currency, brand.for_templates())
                    self.library.slots(self.library.shell(spec))

    def changed_since(self, earlier: Definition) -> list[str]:
        """Return the names of the parts that differ from an earlier definition."""
        before = earlier.parts
        return sorted(name for name in self.parts | before if self.parts.get(name) != before.get(name))


def read_definition(campaign: Campaign, topic: Topic, library: TemplateLibrary, brand: Brand) -> Definition:
    """Return the definition that `campaign` has with these templates, topic and brand.

    Raises:
        TemplateError: a template of its steps is missing or cannot be read.
    """
    names = [step.template for step in campaign.mails]
    texts = {**ingredients(library.texts, *names), **samples(library.texts, *names)}
    return Definition(campaign, seen_of(topic), brand.model_dump(mode="json", exclude={"postal_address"}), texts)


def seen_of(topic: Topic) -> dict[str, Any]:
    """Return what recipients see of a topic, as plain values."""
    return topic.model_dump(mode="json", by_alias=True, include=SEEN_OF_TOPIC, exclude_none=True)


def _sent_by(topic: Topic, sender: dict[str, Any]) -> Topic:
    plain = topic.model_dump(mode="json", by_alias=True, exclude=SEEN_OF_TOPIC, exclude_none=True)
    return _read_again(Topic, {**plain, **sender})


def keep(connection: Connection, definition: Definition) -> None:
    """Keep a definition, so that mails may carry it; do nothing if it is kept already."""
    if scalar(connection, "messages/is_kept", definition_md5=definition.md5):
        return
    files = [{"path": path, "text_md5": _md5(text), "content": text} for path, text in definition.texts.items()]
    run(
        connection,
        "messages/keep_definition",
        definition_md5=definition.md5,
        campaign=definition.campaign.campaign,
        campaign_file=_json(definition.campaign.definition()),
        sender=_json(definition.sender),
        brand=_json(definition.brand),
        files=_json(files),
    )


def keep_as_read(connection: Connection, definition: Definition) -> None:
    """Keep a definition that was read from files just now: it becomes its campaign's present one."""
    keep(connection, definition)
    run(
        connection,
        "messages/note_reading",
        definition_md5=definition.md5,
        campaign=definition.campaign.campaign,
    )


def load_definition(connection: Connection, definition_md5: str) -> Definition:
    """Return a kept definition.

    Raises:
        CampaignError: it is not kept, or another version of this product kept it.
    """
    row = run(connection, "messages/load_definition", definition_md5=definition_md5).one_or_none()
    if row is None:
        raise CampaignError(f"definition {definition_md5} is not kept: run `campaign approve` again")
    campaign = _read_again(Campaign, row.campaign_file).called(row.campaign)
    return Definition(campaign, row.sender, row.brand, row.texts)


class Definitions:
    """Definitions by checksum, each loaded once. Those unused for longest are dropped first."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Definition] = OrderedDict()

    def get(self, connection: Connection, definition_md5: str) -> Definition:
        """Return a kept definition (CampaignError as for `load_definition`)."""
        if definition_md5 not in self._known:
            self._known[definition_md5] = load_definition(connection, definition_md5)
        self._known.move_to_end(definition_md5)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return self._known[definition_md5]


def _read_again(model: type[Model], values: dict[str, Any]) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError:
        raise CampaignError(
            f"a kept definition's {model.__name__.lower()} is of another version: run `campaign approve` again"
        ) from None


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
