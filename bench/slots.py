"""How many recipients' slots one core renders a second: the cart reminder, three items, all different.

    PYTHONPATH=include python bench/slots.py [--seconds 3] [--items 3]

Prints one JSON object: rate a second (by the clock, and by processor time, which other work on the machine
disturbs less), bytes a recipient, and what was measured.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from lifecycle_mail.messages.shells import slots_bytes
from lifecycle_mail.messages.templates import TemplateLibrary

TEMPLATES = Path(__file__).resolve().parents[1] / "include" / "templates"
NAME = "cart_abandoned/reminder"
LINKS = "https://mail.example.com/{}/c3f1a7d2-9d1c-4a57-8a3a-{:012d}?s=0f9a4c1be2d37755"


def main() -> None:
    """Measure for the given number of seconds and print the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--items", type=int, default=3)
    wanted = parser.parse_args()
    library = TemplateLibrary(TEMPLATES)
    base = json.loads((TEMPLATES / "base" / "sample.json").read_text(encoding="utf-8"))
    shell = library.shell(
        NAME,
        campaign="cart_abandoned",
        step="reminder",
        variant=None,
        language="en",
        currency="USD",
        brand=base["brand"],
    )
    recipients = [_recipient(number, wanted.items, base["customer"]) for number in range(20_000)]
    render = library.slots(shell).render
    done, size, began, began_busy = 0, 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < wanted.seconds:
        for recipient in recipients[:2_000]:
            slots = render(*recipient)
        size, done = slots_bytes(slots.substitutions), done + 2_000
        recipients = recipients[2_000:] + recipients[:2_000]
    spent, busy = time.perf_counter() - began, time.process_time() - began_busy
    print(json.dumps({
        "benchmark": "slots", "template": NAME, "items": wanted.items, "recipients": done,
        "seconds": round(spent, 3), "per_second": round(done / spent),
        "microseconds_each": round(spent / done * 1e6, 1),
        "bytes_each": size,
        "per_second_of_processor_time": round(done / busy),
    }))  # fmt: skip


def _recipient(
    number: int, items: int, customer: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Return one made-up recipient: own name, own products, own total."""
    basket = [
        {
            "product_id": f"p-{number * 7 + place}", "name": f"Fluid Milk {(number * 3 + place) % 900}",
            "quantity": 1 + (number + place) % 3,
            "unit_price": f"{1 + (number * 31 + place * 7) % 4000 / 100:.2f}",
            "url": f"https://market.example.com/p/{number * 7 + place}", "image_url": None,
        }
        for place in range(items)
    ]  # fmt: skip
    context = {
        "cart_id": f"c-{number}", "cart_url": f"https://market.example.com/cart/{number}", "currency": "USD",
        "item_count": items, "total": f"{5 + number / 100:.2f}", "items": basket,
    }  # fmt: skip
    links = {"unsubscribe_url": LINKS.format("u", number), "view_url": LINKS.format("v", number)}
    return {**customer, "first_name": f"Ada{number % 500}"}, context, links


if __name__ == "__main__":
    main()
