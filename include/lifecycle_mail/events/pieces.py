"""A text that is several JSON objects → each of them with its place, and what lies between and cannot be read.

Queues join the objects that they deliver without a line end. A line of an array that is spread over lines begins with a
bracket or ends with a comma. Both are read here. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

MOST_FAULTS = 100  # in one text; what follows is one fault more
_BETWEEN = re.compile(r"[\s,\[\]\x1e\ufeff]*")
_BEGIN = re.compile(r"\{\s*[\"}]")
_NEXT_OBJECT = re.compile(r"\}[\s,\[\]\x1e]*(?=\{)")
_DECODER = json.JSONDecoder()


class Piece(NamedTuple):
    """One object of a text, from byte `start` up to byte `end`; `fault` says why it cannot be read, '' = it can."""

    start: int
    end: int
    value: Any
    fault: str


def pieces(body: bytes) -> Iterator[Piece]:
    """Yield the objects of a text in order, and what cannot be read up to the next object. What only separates them is
    left out. A text that is one JSON value is one piece."""
    try:
        yield Piece(0, len(body), orjson.loads(body), "")
    except orjson.JSONDecodeError:
        yield from _several(body)


def _several(body: bytes) -> Iterator[Piece]:
    text, place, start, faults = body.decode("utf-8", "surrogateescape"), 0, 0, 0
    while True:
        begin = _BETWEEN.match(text, place).end()  # type: ignore[union-attr]
        start += _size(text, place, begin)
        if begin == len(text):
            return
        place = _end(text, begin) if faults < MOST_FAULTS else len(text)
        end = start + _size(text, begin, place)
        value, fault = _value(body[start:end])
        faults += bool(fault)
        yield Piece(start, end, value, fault)
        start = end


def _size(text: str, begin: int, end: int) -> int:
    return len(text[begin:end].encode("utf-8", "surrogateescape"))


def _end(text: str, begin: int) -> int:
    """Return where the object that begins there ends; if none does, where the next one may begin."""
    if text[begin] == "{":
        try:
            return int(_DECODER.raw_decode(text, begin)[1])
        except (ValueError, RecursionError):
            found = _NEXT_OBJECT.search(text, begin)
            return found.start() + 1 if found else len(text)
    following = _BEGIN.search(text, begin)
    return following.start() if following else len(text)


def _value(part: bytes) -> tuple[Any, str]:
    try:
        return orjson.loads(part), ""
    except orjson.JSONDecodeError as error:
        return None, f"not JSON: {error.msg}"
