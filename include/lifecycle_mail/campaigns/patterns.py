"""What texts in YAML files look like: the patterns of names, addresses and pools, and the words that explain them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from lifecycle_mail.mailboxes import with_ascii_domain

NAME = r"^[a-z][a-z0-9_]{0,62}$"
TEMPLATE = r"^[a-z0-9_]+(/[a-z0-9_]+)*$"
COLOUR = r"^#[0-9a-fA-F]{6}$"
CURRENCY = r"^[A-Z]{3}$"
SHARED_CODE = r"^[A-Za-z0-9][A-Za-z0-9_-]{2,39}$"
PAGE = r"^https://[^\s/?#]+[^\s]*$"

IN_WORDS = {
    NAME: "write lower-case letters, digits and _, a letter first, at most 63 characters",
    TEMPLATE: "write the template's folder, such as win_back/miss_you",
    COLOUR: "write a colour such as #1f6b45",
    SHARED_CODE: "write 3 to 40 letters, digits, - and _, without blanks, such as SPRING",
    CURRENCY: "write the three capital letters of a currency, such as EUR",
    PAGE: "write the whole address of the page, such as https://shop.example.com/help",
}
"""What an error says in place of a pattern."""

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"({_LABEL}\.)+(?![0-9]+$){_LABEL}")  # the last part of a domain is no number
_LONGEST_LOCAL_PART, _LONGEST_ADDRESS = 64, 254


def _sending_address(address: str) -> str:
    """Return an address that SendGrid takes as a sender. Letters beyond ASCII would be a 400 at each delivery."""
    local, at, domain = address.partition("@")
    if not at or "@" in domain or not local or not domain:
        raise ValueError("this is no address: write one such as hello@example.com")
    if not local.isascii():
        raise ValueError("SendGrid takes no letters beyond a to z before the @: use an address without them")
    if not domain.isascii():
        written = with_ascii_domain(address).rpartition("@")[2]
        advice = f"write the domain as {written}" if written.isascii() else "write the domain as punycode (xn--…)"
        raise ValueError(f"SendGrid takes no letters beyond a to z in an address: {advice}")
    if not _LOCAL_PART.fullmatch(local) or len(local) > _LONGEST_LOCAL_PART:
        raise ValueError("what stands before the @ is no mailbox: write the address alone, such as hello@example.com")
    if not _DOMAIN.fullmatch(domain) or len(address) > _LONGEST_ADDRESS:
        raise ValueError("what stands behind the @ is no domain: write one such as example.com")
    return address


def _sender_name(name: str) -> str:
    """Return a name that may stand before an address."""
    if not name.strip():
        raise ValueError("the name is blank: write who the mail is from")
    for sign, called in ((",", "a comma"), (";", "a semicolon")):
        if sign in name:
            raise ValueError(f"SendGrid takes {called} in a name for the end of an address: write the name without it")
    if not name.isprintable():
        raise ValueError("the name has a line break or another control character: write it on one line")
    return name.strip()


def _ip_pool(name: str) -> str:
    if not 2 <= len(name) <= 64 or name != name.strip() or not name.isprintable():
        raise ValueError("write the pool's name as SendGrid shows it, 2 to 64 characters")
    return name


Name = Annotated[str, Field(pattern=NAME)]
Page = Annotated[str, Field(pattern=PAGE)]
SendingAddress = Annotated[str, AfterValidator(_sending_address), Field(json_schema_extra={"format": "email"})]
SenderName = Annotated[str, AfterValidator(_sender_name), Field(min_length=1)]
IpPool = Annotated[str, AfterValidator(_ip_pool), Field(json_schema_extra={"minLength": 2, "maxLength": 64})]
