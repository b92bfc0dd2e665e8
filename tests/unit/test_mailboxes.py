"""How mailboxes are compared and shown: one mailbox has one text, whatever way it was written."""

from __future__ import annotations

import pytest

from lifecycle_mail.mailboxes import mailbox, shown, spellings
from lifecycle_mail.settings import Settings

NAMED = "ann@xn--bcher-kva.example"
WAYS = (
    "ann@bücher.example",
    "Ann@BÜCHER.Example",
    " ann@bu\u0308cher.example ",
    "ann@bücher。example",
    "ANN@XN--BCHER-KVA.EXAMPLE",
)


@pytest.mark.parametrize("written", WAYS)
def test_each_way_to_write_a_mailbox_is_compared_as_one(written: str) -> None:
    """Case, punycode, letters that are put together of two, and the full stop of other scripts make no difference."""
    assert mailbox(written) == NAMED
    assert mailbox(mailbox(written)) == NAMED


def test_letters_that_make_another_domain_stay_apart() -> None:
    """ß is no ss: these are two domains. Dots and +tags are part of a mailbox."""
    assert mailbox("ann@straße.example") == "ann@xn--strae-oqa.example"
    assert mailbox("ann@strasse.example") == "ann@strasse.example"
    assert mailbox("a.nn+x@example.com") == "a.nn+x@example.com"


@pytest.mark.parametrize("text", ["nö", "ann@b ü.example", "ann@☃.example", "ann@.ü", "ann@" + "ü" * 80, "@", ""])
def test_what_is_no_address_stays_as_it_is(text: str) -> None:
    """No error: events and lists may name anything."""
    assert mailbox(text.upper()) == text
    assert shown(text) == text


def test_people_see_the_letters() -> None:
    """In an address, and in a sentence with several. Punycode that means nothing stays."""
    assert shown(NAMED) == "ann@bücher.example"
    assert (
        shown(f"said at {NAMED} (sync), by x@xn--a.example") == "said at ann@bücher.example (sync), by x@xn--a.example"
    )
    assert shown("xn--bcher-kva is no address") == "xn--bcher-kva is no address"


def test_a_text_from_outside_may_use_each_spelling() -> None:
    """The compared one first; an ASCII address has one."""
    assert spellings("Ann@BÜCHER.example") == (NAMED, "ann@bücher.example", "ann@bu\u0308cher.example")
    assert spellings("Ann@Example.com") == ("ann@example.com",)


def test_the_list_of_allowed_recipients_is_compared_like_the_rest() -> None:
    """Addresses and @domains, in either spelling and case."""
    told = {"LIFECYCLE_DATABASE_URL": "postgresql://localhost/x", "LIFECYCLE_MODE": "preview"}
    listed = "Ann@BÜCHER.example, @Bücher.example,x@example.com"
    given = Settings.from_environment({**told, "LIFECYCLE_ALLOWED_RECIPIENTS": listed})
    assert given.allowed_recipients == (NAMED, "@xn--bcher-kva.example", "x@example.com")
