"""The personal part of a mail: each recipient's slots, rendered with one function call a slot.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
This is the hot path of the product (a million recipients a run). Each slot is compiled once a shell;
for each recipient only these functions run. bench/delivery.py measures it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from jinja2 import Template, UndefinedError

from lifecycle_mail.errors import TemplateError
from lifecycle_mail.messages.dialect import TOKEN_OPEN, MailEnvironment, Root, Scope, Values
from lifecycle_mail.messages.shells import RenderedMail, Shell, fill, rebuild
from lifecycle_mail.messages.values import subject_line

OFFER_FIELDS = ("percent", "valid_hours", "code", "valid_until")


@dataclass(frozen=True, slots=True)
class Slots:
    """One recipient's personal parts: token → value, and the own subject (None: it is the shell's)."""

    substitutions: dict[str, str]
    subject: str | None = None


class CompiledSlot(NamedTuple):
    """A slot ready to run. `names` are the variables it reads, for errors that name them and nothing else."""

    name: str
    token: str
    root: Root
    template: Template
    where: str
    names: tuple[str, ...]


class SlotRenderer:
    """Renders the slots of one shell for one recipient after another; safe to share between threads."""

    def __init__(
        self,
        shell: Shell,
        parts: list[tuple[MailEnvironment, dict[str, Any], list[CompiledSlot]]],
    ) -> None:
        """`parts`: for html and text environment, shared variables with macros, slots in use."""
        self.shell = shell
        self._parts = parts
        self._subject = [token for place, token in shell.slot_tokens.items() if place.startswith("subject.")]
        self._mark = f"{TOKEN_OPEN}{shell.token}"

    def render(
        self,
        customer: Mapping[str, Any],
        context: Mapping[str, Any],
        links: Mapping[str, Any],
        offer: Mapping[str, Any] | None = None,
    ) -> Slots:
        """Return the recipient's slots.

        `customer`: first_name and last_name (may be None), language, currency, country, timezone.
        `context`: the segment's snapshot. `links`: unsubscribe_url, view_url.
        `offer`: what the recipient's own differs in (a code), or None for the shell's.
        Raises TemplateError naming template, slot and variable, never the recipient's data.
        """
        personal = {"customer": customer, "context": context, "links": links, **own_offer(self.shell, offer)}
        rendered: dict[str, str] = {}
        for env, shared, slots in self._parts:
            values = Values(shared)
            values.update(personal)
            self._run(Scope(env, values, self.shell.name), slots, rendered)
        if not self._subject:
            return Slots(rendered)
        own = {token: rendered.pop(token) for token in self._subject}
        return Slots(rendered, subject_line(fill(self.shell, self.shell.subject, own)))

    def _run(self, scope: Scope, slots: list[CompiledSlot], into: dict[str, str]) -> None:
        slot = None
        try:
            for slot in slots:
                value = "".join(slot.root(scope))
                # Whoever learned this shell's random part must still not be able to place a slot in a slot.
                # Two characters first: they are looked for many times faster than the mark, and HTML seldom has them.
                forged = "[%" in value and self._mark in value
                into[slot.token] = value.replace(TOKEN_OPEN, "[% lm-") if forged else value
        except Exception as error:
            self._refuse(slot, error)

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
    """Return an offer with every known field present (None where not given), or None for no offer."""
    return None if offer is None else {**dict.fromkeys(OFFER_FIELDS), **offer}


def own_offer(shell: Shell, offer: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the variable `offer` where a recipient's own (a code) goes over the shell's, else nothing."""
    return {} if offer is None else {"offer": {**(shell.offer or dict.fromkeys(OFFER_FIELDS)), **offer}}


def _variable(error: Exception, slot: CompiledSlot) -> str:
    """Return the dotted name of what was missing, as the template writes it; never a name made of data."""
    quoted = re.findall(r"'(\w+)'", str(error))
    last = quoted[-1] if quoted else ""
    known = [name for name in slot.names if name.split(".")[-1] == last]
    return " or ".join(known) or "(unknown)"


def _line_of(error: Exception, template: Template) -> int | None:
    """Return the template line at which compiled code failed, where it was in the slot's own code."""
    step, line = error.__traceback__, None
    while step is not None:
        if step.tb_frame.f_code.co_filename == template.filename:
            line = template.get_corresponding_lineno(step.tb_lineno)
        step = step.tb_next
    return line
