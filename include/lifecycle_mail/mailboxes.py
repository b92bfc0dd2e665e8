"""How mailboxes are compared: two addresses that are one mailbox become the same text. Below every stage.

Letters of either case are the same, and a domain in a script of its own is its punycode. Dots and +tags are part of a
mailbox: only its provider knows whether it minds them.
"""

from __future__ import annotations


def mailbox(address: str) -> str:
    """Return the address as it is compared; what is no address is returned in lower case."""
    lowered = address.strip().lower()
    if lowered.isascii():
        return lowered
    name, at, domain = lowered.rpartition("@")
    try:
        return f"{name}{at}{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return lowered
