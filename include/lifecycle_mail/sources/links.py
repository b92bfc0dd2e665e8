"""Links of a feed: encoded as a mail needs them, or refused by name.

Stage 1 of the path, one value at a time. A link that no reader can follow is set aside and counted when it is loaded.
Otherwise a button would silently lead to another page.
"""

from __future__ import annotations

import re
from urllib.parse import quote

import idna

from lifecycle_mail.sources.refusals import Refusal

WEB = frozenset({"http", "https"})
MAXIMUM_PORT = 65_535

_SURE = re.compile(
    r"https?://[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::[0-9]{1,4})?(?:[/?#][A-Za-z0-9._~:/?#\[\]@!$&()*+,;=-]*)?"
)
# The same for a look at a whole column, without what could be an entity.
SURE_LINK = (
    r"https?://[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,9}(?::[0-9]{1,4})?"
    r"(?:[/?#][A-Za-z0-9._~:/?#\[\]@!$&()*+,=-]{0,2000})?"
)
# A link that stands in a page or a feed of XML is escaped there. Other entities stay: `&copy=1` is a parameter.
_AMPERSAND = re.compile(r"&(?:(?:amp|#0*38|#x0*26);)+", re.IGNORECASE)
_LINK = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<slashes>//)?(?P<host>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_HOST_AND_PORT = re.compile(r"(?P<host>[^\s:@\\\x00-\x20\"'<>^`{|}]+)(?::(?P<port>[0-9]{1,5}))?")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BREAKS = re.compile(r"[\t\r\n]+")
_MAY_STAY = "/?#[]@!$&()*+,;=:%~-._"


def parse_link(text: str, *, schemes: frozenset[str]) -> str:
    """A whole link with one of `schemes`. Blanks, quotes and letters outside ASCII are encoded, and `&amp;` is decoded.

    Raises:
        Refusal: relative_link (no scheme, or no host), link_scheme (another one), malformed_link.
    """
    if "&" in text and ";" in text:
        text = _AMPERSAND.sub("&", text)
    if _SURE.fullmatch(text) and schemes >= WEB:
        return text
    found = _LINK.fullmatch(_BREAKS.sub("", text))
    scheme = found["scheme"].lower() if found else ""
    is_host = "." in scheme or scheme == "localhost"  # shop.example.com:8080/a
    if not found or (is_host and not found["slashes"]):
        raise Refusal("relative_link")
    if scheme not in schemes:
        raise Refusal("link_scheme")
    if scheme in WEB and not found["slashes"]:
        raise Refusal("malformed_link")
    return f"{scheme}:{found['slashes'] or ''}{_host(found['host'], scheme)}{_encoded(found['rest'])}"


def _host(host: str, scheme: str) -> str:
    if scheme not in WEB:
        return _encoded(host)
    found = _HOST_AND_PORT.fullmatch(host)
    if not found or int(found["port"] or 0) > MAXIMUM_PORT:
        raise Refusal("malformed_link")
    port = f":{found['port']}" if found["port"] else ""
    return f"{_ascii(found['host'])}{port}"


def _ascii(host: str) -> str:
    """Return a host as browsers ask for it, in punycode."""
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except UnicodeError:
        raise Refusal("malformed_link") from None
    if "" in name.removesuffix(".").split("."):
        raise Refusal("malformed_link")
    return name


def _encoded(text: str) -> str:
    """Encode what may not stand in a link. What is encoded already stays; a percent sign by itself is a character."""
    return quote(_STRAY_PERCENT.sub("%25", text), safe=_MAY_STAY)
