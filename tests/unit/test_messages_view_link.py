"""A mail has the link to its browser copy only if there is a page behind the link."""

from __future__ import annotations

import pytest

from lifecycle_mail.messages.samples import read_samples
from lifecycle_mail.messages.shells import RenderedMail, ShellSpec, rebuild
from lifecycle_mail.settings import INCLUDE
from planning import BRAND, LIBRARY


def mail_with(view_url: str | None, name: str = "cart_abandoned/reminder") -> RenderedMail:
    sample = read_samples(INCLUDE / "templates", name)[0]
    shell = LIBRARY.shell(ShellSpec(
        name, campaign="cart_abandoned", step="reminder", variant="default", language="en", currency="USD",
        brand=BRAND.for_templates(), offer=None,
    ))  # fmt: skip
    links = {"unsubscribe_url": "https://mail.example.com/u/1", "view_url": view_url}
    slots = LIBRARY.slots(shell).render(sample.customer, sample.context, links, None)
    return rebuild(shell, slots.substitutions, slots.subject)


@pytest.mark.parametrize("view_url", [None, "https://mail.example.com/v/1"])
def test_no_dead_link_to_a_browser_copy(view_url: str | None) -> None:
    """Without a page both parts leave the link and its words out; with one both have it."""
    mail = mail_with(view_url)
    for part in (mail.html, mail.text):
        assert ("View in browser" in part) == (view_url is not None)
        assert (view_url or "https://mail.example.com/u/1") in part
        assert "None" not in part
