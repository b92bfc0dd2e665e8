"""The shared part of a mail, and the exact mail rebuilt from it.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
A shell is rendered once for each (campaign, step, variant, language, currency, template version, definition) and
kept in message.shell. The provider puts a recipient's slots in, or this module does when a mail is shown again. Both do
one literal replacement: a value is never searched for tokens.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any

from lifecycle_mail.errors import TemplateError
from lifecycle_mail.messages.dialect import TOKEN_CLOSE, TOKEN_OPEN


@dataclass(frozen=True)
class RenderedMail:
    """The mail as one recipient gets it: subject (one line), html and text."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class ShellSpec:
    """What one shell is made from. Grain: equal specs have equal keys, as long as the template's files do not change.

    `template`: its name, campaign/step. `campaign` … `currency` say whose mails share it (`currency`: ISO 4217).
    `brand`: as `Brand.for_templates` gives it. `offer`: the step's offer (percent, valid_hours), or None.
    `definition_md5`: the definition that its mails carry (`definitions`), or None. `is_again`: with the second subject.
    """

    template: str
    campaign: str
    step: str
    variant: str | None
    language: str
    currency: str
    brand: Mapping[str, Any]
    offer: Mapping[str, Any] | None = None
    definition_md5: str | None = None
    is_again: bool = False


@dataclass(frozen=True)
class Shell:
    """What a group of recipients shares. Grain: one `shell_key`; `token` differs each time it is rendered.

    `html`, `text`, `subject` and `preheader` hold tokens in place of personal parts. `slot_tokens` names them:
    "html.items" → "[%lm-1a2b3c4d-h-items%]". The preheader is part of the html too. `slots_dictionary`: the slots of
    the template's sample, against which this shell's slots are compressed (`packing`). `definition_md5`: the definition
    that its mails carry (`definitions`); None = no definition, for example outside live after a file was changed.
    """

    name: str
    campaign: str
    step: str
    variant: str | None
    language: str
    currency: str
    template_version: str
    token: str
    html: str
    text: str
    subject: str
    preheader: str
    slot_tokens: dict[str, str]
    brand: dict[str, Any]
    offer: dict[str, Any] | None = None
    slots_dictionary: bytes = b""
    definition_md5: str | None = None
    is_again: bool = False

    @cached_property
    def shell_key(self) -> str:
        """The identity of the group (32 hex digits): equal for every rendering from the same ingredients."""
        parts = [
            self.name, self.campaign, self.step, self.variant, self.language, self.currency,
            self.template_version, self.brand, self.offer, *([self.definition_md5] if self.definition_md5 else []),
            *(["again"] if self.is_again else []),
        ]  # fmt: skip
        return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]

    @property
    def spec(self) -> ShellSpec:
        """What the shell was made from."""
        return ShellSpec(
            self.name, self.campaign, self.step, self.variant, self.language, self.currency, self.brand, self.offer,
            self.definition_md5, self.is_again,
        )  # fmt: skip

    @property
    def personal_subject(self) -> bool:
        """Whether the subject differs between recipients, so that each of them carries it."""
        return TOKEN_OPEN + self.token in self.subject

    def columns(self) -> dict[str, Any]:
        """Return plain values for message.shell: text, and dicts (slot_tokens, brand, offer) for jsonb."""
        return {**asdict(self), "shell_key": self.shell_key}

    @classmethod
    def from_columns(cls, row: Mapping[Any, Any]) -> "Shell":
        """Return the shell of a row of message.shell; jsonb may be text or parsed; other columns are ignored."""
        values = {field.name: row[field.name] for field in fields(cls)}
        for name in ("slot_tokens", "brand", "offer"):
            if isinstance(values[name], str):
                values[name] = json.loads(values[name])
        values["slots_dictionary"] = bytes(values["slots_dictionary"] or b"")
        return cls(**values)


def rebuild(shell: Shell, substitutions: Mapping[str, str], subject: str | None = None) -> RenderedMail:
    """Return the exact mail of one recipient from the shell and the row's slots.

    `subject` is the recipient's own if the shell's is personal, else None.
    Raises TemplateError if a slot of the shell is not among `substitutions`.
    """
    if subject is None and shell.personal_subject:
        raise TemplateError(
            f"{shell.name}: its subject is personal and none was given; pass the row's subject"
        )
    return RenderedMail(
        subject if subject is not None else shell.subject,
        fill(shell, shell.html, substitutions),
        fill(shell, shell.text, substitutions),
    )


def fill(shell: Shell, text: str, substitutions: Mapping[str, str]) -> str:
    """Return `text` with every token of `shell` replaced in one pass; values are never searched again."""
    try:
        return _tokens_of(shell.token).sub(lambda match: substitutions[match[0]], text)
    except KeyError as missing:
        raise TemplateError(
            f"{shell.name}: no value for slot token {missing}; render the slots with the same shell"
        ) from None


@lru_cache(maxsize=512)
def _tokens_of(mark: str) -> re.Pattern[str]:
    return re.compile(re.escape(f"{TOKEN_OPEN}{mark}-") + r"[a-z]-[A-Za-z0-9_]+" + re.escape(TOKEN_CLOSE))
