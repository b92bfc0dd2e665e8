"""How mailboxes are compared: two addresses that are one mailbox become the same text. Below every stage.

Letters of either case are the same, and a domain in a script of its own is its punycode (RFC 5891, mapped by UTS #46).
Dots and +tags are part of a mailbox: only its provider knows whether it minds them. The database holds addresses with
their punycode, so `lower` compares them there. What a text from outside holds is looked for in all its `spellings`.
"""

from __future__ import annotations

import re
import unicodedata

import idna

_DOMAIN = re.compile(r"(?<=@)[A-Za-z0-9.-]+")


def mailbox(address: str) -> str:
    """Return the address as it is compared; what is no address is returned in lower case."""
    lowered = address.strip().lower()
    return lowered if lowered.isascii() else with_ascii_domain(lowered)


def with_ascii_domain(address: str) -> str:
    """Return the address with its domain as punycode; one that cannot be written so is returned as it is."""
    name, at, domain = address.rpartition("@")
    if not at:
        return address
    try:
        return f"{name}{at}{idna.encode(domain, uts46=True).decode('ascii')}"
    except UnicodeError:
        return address


def shown(text: str) -> str:
    """Return an address, or a text with addresses, as people write it: punycode of domains as letters."""
    return _DOMAIN.sub(lambda domain: ".".join(map(_letters, domain[0].split("."))), text) if "xn--" in text else text


def _letters(label: str) -> str:
    try:
        return idna.ulabel(label)
    except UnicodeError:
        return label


def spellings(address: str) -> tuple[str, ...]:
    """Return the texts in lower case by which a text from outside may name the mailbox, the compared one first."""
    compared = mailbox(address)
    letters = shown(compared)
    forms = (compared, letters, unicodedata.normalize("NFD", letters))
    return tuple(dict.fromkeys(forms))
