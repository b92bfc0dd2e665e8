"""The personal part of a mail: each recipient's slots, rendered with one function call per slot.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
This is the hot path of the product (a million recipients per run). Each slot is compiled once per shell
to a function of the recipient's data, and only these functions run for each recipient. bench/delivery.py measures it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from jinja2 import Template, UndefinedError

from lifecycle_mail.errors import TemplateError
from lifecycle_mail.messages.dialect import TOKEN_OPEN, WriteSlot
from lifecycle_mail.messages.directions import OPEN, is_in_tag, with_bdi, without_marks
from lifecycle_mail.messages.formatting import subject_line
from lifecycle_mail.messages.shells import RenderedMail, Shell, fill, rebuild
from lifecycle_mail.messages.snapshots import with_occurrences

RECOMMENDED_FIELDS = ("product_id", "name", "url", "image_url", "price", "currency", "why")
OFFER_KINDS = ("percent", "amount", "free_shipping", "gift")
OFFER_FIELDS = (
    "kind", *OFFER_KINDS, "currency", "minimum", "only_once", "of", "valid_hours", "code", "valid_until"
)  # fmt: skip


class Slots(NamedTuple):
    """One recipient's personal parts: token → value, and their own subject (None: the subject is the shell's)."""

    substitutions: dict[str, str]
    subject: str | None = None


class CompiledSlot(NamedTuple):
    """A slot ready to run. `names` are the variables it reads; errors name them and nothing else."""

    name: str
    token: str
    write: WriteSlot
    template: Template
    where: str
    names: tuple[str, ...]


class SlotRenderer:
    """Renders the slots of one shell for one recipient after another; safe to share between threads."""

    def __init__(self, shell: Shell, slots: list[CompiledSlot]) -> None:
        """`slots`: the slots of every part that the shell uses."""
        self.shell = shell
        self._slots = slots
        self._subject = [token for place, token in shell.slot_tokens.items() if place.startswith("subject.")]
        self._mark = f"{TOKEN_OPEN}{shell.token}"
        tokens = [token for place, token in shell.slot_tokens.items() if place.startswith(("html.", "preheader."))]
        self._in_html = {token: without_marks if is_in_tag(shell.html, token) else with_bdi for token in tokens}

    def render(
        self,
        customer: Mapping[str, Any],
        context: Mapping[str, Any],
        links: Mapping[str, Any],
        offer: Mapping[str, Any] | None = None,
        recommended: Sequence[Mapping[str, Any]] = (),
    ) -> Slots:
        """Return the recipient's slots.

        `customer`: first_name and last_name (may be None), language, currency, country, timezone.
        `context`: the segment's snapshot. `links`: unsubscribe_url, and those of `page_links`.
        `offer`: the fields in which the recipient's own differs (a code), or None for the shell's.
        `recommended`: products, each with the keys RECOMMENDED_FIELDS; there may be none.
        Raises TemplateError naming template, slot and variable, never the recipient's data.
        """
        rendered = self._written(customer, with_occurrences(context), links, own_offer(self.shell, offer), recommended)
        if not self._subject:
            return Slots(rendered)
        own = {token: rendered.pop(token) for token in self._subject}
        return Slots(rendered, self._subject_of(own))

    def _subject_of(self, own: Mapping[str, str]) -> str:
        """Return the recipient's subject. An empty one would be sent as it is, or taken for the shell's."""
        subject = subject_line(fill(self.shell, self.shell.subject, own))
        if not subject:
            raise TemplateError(
                f"{self.shell.name}/subject.txt: the subject is empty; write words for recipients without the variable"
            )
        return subject

    def _written(self, *personal: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
        """Return token → value; `personal` are the arguments of a slot, in their order."""
        written: dict[str, str] = {}
        slot = None
        try:
            for slot in self._slots:
                value = slot.write(*personal)
                if OPEN in value and slot.token in self._in_html:
                    value = self._in_html[slot.token](value)
                # A person who learned this shell's random part must still not be able to put a slot in a slot.
                # Two characters are tested first: that is many times faster than the mark, and HTML seldom has them.
                forged = "[%" in value and self._mark in value
                written[slot.token] = value.replace(TOKEN_OPEN, "[% lm-") if forged else value
        except Exception as error:
            self._refuse(slot, error)
        return written

    def _refuse(self, slot: CompiledSlot | None, error: Exception) -> NoReturn:
        """Raise a TemplateError that names place and variable; the cause may quote data and is dropped."""
        if slot is None or isinstance(error, TemplateError):
            raise error
        line = _line_of(error, slot.template)
        where = f"{slot.where}:{line}" if line else slot.where
        if isinstance(error, UndefinedError | KeyError):
            what = f"variable {_variable(error, slot)} is missing"
            advice = "give it in the context, or guard it in the template"
        else:
            what = f"a value cannot be written ({type(error).__name__})"
            advice = f"check the values of {', '.join(slot.names) or 'the slot'}"
        raise TemplateError(f"{where}: slot {slot.name}: {what}; {advice}") from None


def render_whole(shell: Shell, slots: Slots) -> RenderedMail:
    """Return the whole mail for a recipient whose slots are too large to travel as substitutions."""
    return rebuild(shell, slots.substitutions, slots.subject)


def full_offer(offer: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return an offer with every known field (None if it is not given), or None for no offer.

    `kind` is the one of OFFER_KINDS that it gives.
    """
    if offer is None:
        return None
    kind = next((one for one in OFFER_KINDS if offer.get(one) is not None), None)
    return {**dict.fromkeys(OFFER_FIELDS), **offer, "kind": kind}


def own_offer(shell: Shell, offer: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the variable `offer`: the shell's fields, overridden by those of the recipient's own offer (a code)."""
    return shell.offer if offer is None else {**(shell.offer or dict.fromkeys(OFFER_FIELDS)), **offer}


def _variable(error: Exception, slot: CompiledSlot) -> str:
    """Return the dotted name of the missing variable, as the template writes it; never a name made of data."""
    quoted = re.findall(r"'(\w+)'", str(error))
    last = quoted[-1] if quoted else ""
    known = [name for name in slot.names if name.split(".")[-1] == last]
    return " or ".join(known) or "(unknown)"


def _line_of(error: Exception, template: Template) -> int | None:
    """Return the template line at which compiled code failed; None if it failed outside the slot's own code."""
    step, line = error.__traceback__, None
    while step is not None:
        if step.tb_frame.f_code.co_filename == template.filename:
            line = template.get_corresponding_lineno(step.tb_lineno)
        step = step.tb_next
    return line
