"""The sample recipients of a template, which checks, previews and golden tests render.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
base/sample.json has brand, links, a customer and the time of sending. <campaign>/<step>/sample.json has the context,
the variants with their offers, the recommended products if any, and further cases (no name, a long basket…) as changes
to the default.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifecycle_mail.errors import TemplateError
from lifecycle_mail.messages.shells import ShellSpec
from lifecycle_mail.messages.snapshots import with_occurrences
from lifecycle_mail.messages.texts import Texts, texts_in

# Products may run out, so every template that shows some is also rendered without any.
NOTHING_RECOMMENDED: dict[str, Any] = {"nothing_recommended": {"recommended": []}}


@dataclass(frozen=True)
class Sample:
    """One made-up recipient of one variant. `label` names it: variant and case."""

    label: str
    variant: str | None
    offer: dict[str, Any] | None
    customer: dict[str, Any]
    context: dict[str, Any]
    links: dict[str, Any]
    brand: dict[str, Any]
    language: str
    currency: str
    recommended: list[dict[str, Any]]

    def spec(self, template: str) -> ShellSpec:
        """Return what the shell of this sample's mail is made from; the name of a template is campaign/step."""
        campaign, _, step = template.partition("/")
        return ShellSpec(
            template, campaign, step, self.variant, self.language, self.currency, self.brand, self.offer
        )  # fmt: skip


def read_samples(folder: Path | Texts, name: str) -> list[Sample]:
    """Return the samples of a template, every case in every variant; the first is the default.

    Raises TemplateError if a sample file is missing, or is not JSON of the expected form.
    """
    texts = texts_in(folder)
    base, own = _read(texts, "base/sample.json"), _read(texts, f"{name}/sample.json")
    try:
        return list(_samples(base, own))
    except (KeyError, TypeError, AttributeError) as error:
        raise TemplateError(
            f"{name}/sample.json: {error} is missing or of the wrong kind; it needs variants and context, "
            "as in cart_abandoned/reminder/sample.json"
        ) from None


def _samples(base: dict[str, Any], own: dict[str, Any]) -> Iterator[Sample]:
    given = own.get("recommended", [])
    cases = {"default": {}, **own.get("cases", {}), **(NOTHING_RECOMMENDED if given else {})}
    for variant in own["variants"]:
        for case, change in cases.items():
            yield Sample(
                label="-".join(part for part in (variant["variant"], case) if part),
                variant=variant["variant"],
                offer=variant["offer"],
                customer={**base["customer"], **own.get("customer", {}), **change.get("customer", {})},
                context=with_occurrences(
                    {"sent_at": base.get("sent_at"), **own["context"], **change.get("context", {})}
                ),
                links=dict(base["links"]),
                brand=dict(base["brand"]),
                language=base["language"],
                currency=base["currency"],
                recommended=list(change.get("recommended", given)),
            )


def _read(texts: Texts, file: str) -> dict[str, Any]:
    try:
        content = json.loads(texts.read(file))
    except FileNotFoundError:
        raise TemplateError(f"{file}: no such file; add a sample, because checks and previews render it") from None
    except json.JSONDecodeError as error:
        raise TemplateError(f"{file}:{error.lineno}: not JSON ({error.msg}); correct it") from None
    except (OSError, RecursionError, ValueError):
        raise TemplateError(f"{file}: cannot be read as JSON in UTF-8; correct the file") from None
    if not isinstance(content, dict):
        raise TemplateError(f"{file}: not a JSON object; see cart_abandoned/reminder/sample.json")
    return content
