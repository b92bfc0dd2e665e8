"""Stage 5, messages: what will be sent. The shell once, the slots per recipient, the state of every mail.

Reads decisions; writes schema `message`. Rendering (templates, shells, slots) uses no database. `writing`
plans mails. `states` is the one place that moves a mail from state to state.
"""

from lifecycle_mail.messages.codes import erase_codes
from lifecycle_mail.messages.definitions import Definition, Definitions, keep_as_read, load_definition, read_definition
from lifecycle_mail.messages.offer_export import OfferExport, export_codes
from lifecycle_mail.messages.states import erase_slots, rename_campaign, rename_topics, slots_of
from lifecycle_mail.messages.writing import (
    WriteCounts,
    end_retired,
    ensure_shell,
    fresh_shell,
    load_shell,
    rebind,
    rebind_shell,
    shell_by,
    write_messages,
)

__all__ = [
    "Definition",
    "Definitions",
    "OfferExport",
    "WriteCounts",
    "end_retired",
    "ensure_shell",
    "erase_codes",
    "erase_slots",
    "export_codes",
    "fresh_shell",
    "keep_as_read",
    "load_definition",
    "load_shell",
    "read_definition",
    "rebind",
    "rebind_shell",
    "rename_campaign",
    "rename_topics",
    "shell_by",
    "slots_of",
    "write_messages",
]
