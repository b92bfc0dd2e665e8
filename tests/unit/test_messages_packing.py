"""How slots are kept: small, exact, and readable with their own shell alone."""

from __future__ import annotations

import tracemalloc

import orjson
import pytest

from lifecycle_mail.errors import TemplateError
from lifecycle_mail.messages.packing import SlotPacker, packer
from lifecycle_mail.messages.shells import ShellSpec
from planning import BRAND, CART_CONTEXT, LIBRARY

PERSON = {
    "first_name": "Zoë", "last_name": "O'Hara", "language": "en", "currency": "EUR", "country": None, "timezone": "UTC",
}  # fmt: skip
LINKS = {"unsubscribe_url": "https://mail.example.com/unsubscribe/1", "page_url": "https://mail.example.com/m/1"}


def slots_and_dictionary() -> tuple[bytes, bytes]:
    shell = LIBRARY.shell(ShellSpec(
        "cart_abandoned/reminder", campaign="cart_abandoned", step="reminder", variant="default", language="en",
        currency="EUR", brand=BRAND.for_templates(), offer=None,
    ))  # fmt: skip
    slots = LIBRARY.slots(shell).render(PERSON, CART_CONTEXT, LINKS, None)
    return orjson.dumps(slots.substitutions), shell.slots_dictionary


def test_what_is_unpacked_is_what_was_packed() -> None:
    """Every token and every character comes back, accents and quotes included."""
    slots, dictionary = slots_and_dictionary()
    assert packer(dictionary).unpack(packer(dictionary).pack(slots)) == orjson.loads(slots)


def test_the_sample_of_the_shell_makes_slots_small() -> None:
    """Packed against the sample they take less than a third of their size alone; a shell without a sample works too."""
    slots, dictionary = slots_and_dictionary()
    alone = SlotPacker(b"")
    assert len(packer(dictionary).pack(slots)) < len(alone.pack(slots)) / 3
    assert alone.unpack(alone.pack(slots)) == orjson.loads(slots)


def test_packed_slots_hold_no_room_for_the_unpacked() -> None:
    """A thousand of them wait for their request, and what the compressor gives is as large as what it was given."""
    slots, dictionary = slots_and_dictionary()
    pack = packer(dictionary).pack
    pack(slots)
    tracemalloc.start()
    kept = [pack(slots) for _ in range(100)]
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 100 * (len(kept[0]) + 100) < 100 * len(slots)


def test_rows_of_earlier_versions_are_read() -> None:
    """A row that holds plain JSON is read as it stands."""
    _, dictionary = slots_and_dictionary()
    assert packer(dictionary).unpack(b'{"[%lm-1-h-a%]": "Soap"}') == {"[%lm-1-h-a%]": "Soap"}


def test_slots_of_another_shell_are_refused() -> None:
    """What was packed against another sample is refused by name, never shown wrong."""
    slots, dictionary = slots_and_dictionary()
    with pytest.raises(TemplateError, match="do not belong to this shell"):
        SlotPacker(b"").unpack(packer(dictionary).pack(slots))
