"""Texts that a queue or a program wrote in another form → the text. Pure, and bounded: what unpacks to more is refused.

Queues that carry bytes write them as base64 (Kinesis, Firehose, Pub/Sub), some of them packed with gzip (CloudWatch).
Windows' shell writes UTF-16.
"""

from __future__ import annotations

import binascii
import codecs
import gzip
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import partial

GZIP = b"\x1f\x8b"
LARGEST_UNPACKED = 1 << 24  # bytes of one part of an envelope; the queues themselves permit less
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/\r\n]{4,})={0,2}\s*")
_RUN = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_UTF_16 = ("utf-16-le", "utf-16-be")
Write = Callable[[bytes], str]  # a text → in the form in which the envelope had it


def decoded(text: str) -> tuple[bytes, Write] | None:
    """Return the bytes that a text carries as base64, unpacked, and what writes them like that again; None = it
    carries none.

    Raises:
        ValueError: they are packed, and damaged or too large.
    """
    if not _BASE64.fullmatch(text):
        return None
    try:
        body = b64decode("".join(text.split()), validate=True)
    except (ValueError, binascii.Error):
        return None
    if body.startswith(GZIP):
        return _unpacked(body), partial(_encoded, pack=partial(gzip.compress, mtime=0))
    return body, _encoded


def hides_address(text: str) -> bool:
    """Tell whether an address may stand in a part of the text that is base64, where no search finds it."""
    for run in _RUN.findall(text):
        try:
            found = decoded(run[: len(run) // 4 * 4])
        except ValueError:
            return True
        if found is not None and b"@" in found[0]:
            return True
    return False


def _encoded(body: bytes, pack: Callable[[bytes], bytes] = bytes) -> str:
    return b64encode(pack(body)).decode()


def _unpacked(data: bytes) -> bytes:
    text = b""
    while data:
        part = zlib.decompressobj(wbits=31)
        try:
            text += part.decompress(data, LARGEST_UNPACKED + 1 - len(text))
        except zlib.error:
            raise ValueError("is damaged") from None
        if len(text) > LARGEST_UNPACKED:
            raise ValueError(f"unpacks to more than {LARGEST_UNPACKED} bytes")
        if not part.eof:
            raise ValueError("ends early")
        data = part.unused_data
    return text


def utf_16(head: bytes) -> str:
    """Return which UTF-16 a file is written in that begins with `head`; '' = in none."""
    for name in _UTF_16:
        if head.startswith(tuple(sign.encode(name) for sign in "\ufeff{[")):
            return name
    return ""


def from_utf_16(data: bytes, name: str) -> bytes:
    """Return the text in UTF-8; a half-written sign at its end becomes a replacement."""
    return codecs.decode(data, name, "replace").encode()


def to_utf_16(text: bytes, name: str) -> bytes:
    """Return a text in UTF-8 as the UTF-16 of that name."""
    return codecs.encode(text.decode("utf-8", "replace"), name)
