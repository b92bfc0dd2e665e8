"""The events part of an erasure: raw events, lines set aside, suppressions, and the export files themselves.

What stays of an event names no person: kind, time, ids of our own, delivery codes. A scrubbed line keeps its length. So
a file can be scrubbed while the collector still appends to it, and every recorded reading position stays right.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from lifecycle_mail.database import lock, run, scalar
from lifecycle_mail.errors import EventsError
from lifecycle_mail.events.answers import answer_files
from lifecycle_mail.events.encoded import decoded, from_utf_16, to_utf_16, utf_16
from lifecycle_mail.events.envelopes import may_be_encoded, rewritten
from lifecycle_mail.events.erased import unescaped, without_person
from lifecycle_mail.events.export_reader import (
    ExportFile,
    Position,
    export_files,
    fingerprint,
    is_document,
    is_gzipped,
)
from lifecycle_mail.events.pieces import Piece, pieces
from lifecycle_mail.mailboxes import mailbox, spellings
from lifecycle_mail.sendgrid.event_words import KEPT_KEYS

Clean = Callable[[bytes], bytes]  # a line → the line without the person
Mails = frozenset[str] | None  # ids of messages, lower case; None = all
_MAIL = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class ScrubReport:
    """How many files held the address, and how many of their lines were scrubbed."""

    files: int
    lines: int


def knows(connection: Connection, address: str) -> bool:
    """Tell whether schema event holds anything about an address (as `mailbox` writes it)."""
    return bool(scalar(connection, "events/knows_address", address=address, texts=_texts_of(address)))


def erase(connection: Connection, customer_id: str | None, address: str | None, *, is_shared: bool = False) -> int:
    """Remove one person from schema event; return the number of raw events scrubbed.

    `customer_id` is None for a person known by address alone. `address` is one of the person's, in any case; None if it
    is not known any more. Events are found by the address and by the customer's messages. `is_shared`: a living
    customer also holds the address, or held it before. Then only what names the erased person's own messages is
    removed, and what was said at the address stays. First facts (event.engagement) stay, because they name no person;
    the texts of their reasons go. Runs in the caller's transaction.
    """
    compared = mailbox(address) if address and not is_shared else None
    events = run(
        connection,
        "events/erase_events",
        customer_id=customer_id,
        address=compared,
        kept_keys=list(KEPT_KEYS),
    ).rowcount
    run(connection, "events/erase_rejected_of", customer_id=customer_id)
    run(connection, "events/erase_answers", customer_id=customer_id)
    run(connection, "events/erase_reasons", customer_id=customer_id)
    if compared:
        run(connection, "events/erase_suppressions", address=compared)
        run(connection, "events/erase_rejected", texts=_texts_of(compared))
    return events


def _texts_of(address: str) -> list[str]:
    """Return every text in lower case by which a line may name the address, also as JSON may escape it."""
    plain = spellings(address)
    escaped = [json.dumps(text)[1:-1].lower() for each in plain for text in (each, each.upper())]
    return sorted({*plain, *escaped})


def has_files(connection: Connection) -> bool:
    """Return whether export files were read; they hold addresses too, in addition to the database."""
    return bool(scalar(connection, "events/has_files"))


def summarize_addresses(connection: Connection) -> int:
    """Make the filters by address that raw events of the last days lack; return for how many ranges of pages.

    Without a filter, an erasure reads the whole range. Vacuum makes filters too, but it visits a month that no longer
    grows only when much of it is new. Waits for a running vacuum, and for a month that is being dropped.
    """
    ranges: int = scalar(connection, "events/summarize_addresses")
    return ranges


def scrub_files(connection: Connection, path: Path, address: str, *, only_of: str | None = None) -> ScrubReport:
    """Remove an address from an export file, or from all files of a folder, and keep reading positions right.

    `only_of`: remove it only from events that also name one of this customer's mails, because another customer has the
    address too. Runs in the caller's transaction and waits for a running ingest. A line is overwritten in place by one
    of the same length. A .gz or .json file is replaced as a whole, atomically. If a kill leaves some lines unscrubbed,
    another run completes the work.

    Raises:
        EventsError: a file cannot be read or written.
    """
    lock(connection, "ingest")
    mails = None if only_of is None else frozenset(run(connection, "events/mails_of", customer_id=only_of).scalars())
    return _scrub_all(connection, export_files(path), partial(scrubbed_line, whose=mention_of(address), mails=mails))


def scrub_answers(connection: Connection, path: Path, customer_id: str) -> ScrubReport:
    """Remove what a customer answered on our own pages from the files of answers, which name mails and no address.

    Otherwise as `scrub_files`.
    """
    lock(connection, "ingest")
    mails = list(run(connection, "events/mails_of", customer_id=customer_id).scalars())
    if not mails or not path.is_dir():
        return ScrubReport(0, 0)
    whose = re.compile("|".join(map(re.escape, mails)))
    return _scrub_all(connection, answer_files(path), partial(scrubbed_line, whose=whose))


def _scrub_all(connection: Connection, found: Iterable[ExportFile], clean: Clean) -> ScrubReport:
    known = {row.source_name: Position(**row._mapping) for row in run(connection, "events/file_positions")}
    files = lines = 0
    for file in found:
        position = known.get(file.source_name)
        is_known = position is not None and _is_same(file, position)
        if scrubbed := _scrub(file.path, clean):
            files, lines = files + 1, lines + scrubbed
            if position is not None and is_known:
                _refresh(connection, file, position)
    return ScrubReport(files, lines)


def _is_same(file: ExportFile, position: Position) -> bool:
    large_enough = file.path.stat().st_size >= position.size_bytes
    return large_enough and fingerprint(file.path, position.size_bytes) == position.fingerprint


def _refresh(connection: Connection, file: ExportFile, position: Position) -> None:
    # A file that was replaced may have another size on disk. Of a packed one, positions count its text, which has the
    # same length. A document is read as a whole.
    is_replaced = is_gzipped(file.path) or is_document(file.path)
    size = file.path.stat().st_size if is_replaced else position.size_bytes
    run(
        connection,
        "events/refresh_fingerprint",
        source_name=file.source_name,
        size_bytes=size,
        fingerprint=fingerprint(file.path, size),
    )


def mention_of(address: str) -> re.Pattern[str]:
    """Return a pattern that finds the address in lower-case text, but not inside a longer address."""
    exact = "|".join(map(re.escape, spellings(address)))
    return re.compile(rf"(?<![\w.%+-])(?:{exact})(?![\w-]|\.\w)")


def _scrub(path: Path, clean: Clean) -> int:
    try:
        if is_gzipped(path) or is_document(path):
            return _scrub_whole(path, clean)
        return _scrub_in_place(path, clean)
    except (OSError, EOFError) as error:
        raise EventsError(f"cannot scrub {path}: {error}. Check its permissions and the disk") from None


def _scrub_in_place(path: Path, clean: Clean) -> int:
    changed = 0
    with path.open("r+b") as stream:
        for place, line in _lines(stream):
            if (cleaned := clean(line)) != line:
                os.pwrite(stream.fileno(), cleaned, place)
                changed += 1
        os.fsync(stream.fileno())
    return changed


def _lines(stream: Any) -> Iterator[tuple[int, bytes]]:
    place = 0
    for line in stream:
        yield place, line
        place += len(line)


def _scrub_whole(path: Path, clean: Clean) -> int:
    gzipped = is_gzipped(path)
    text = gzip.decompress(path.read_bytes()) if gzipped else path.read_bytes()
    if form := utf_16(text):
        text = from_utf_16(text, form)
    lines = [text] if is_document(path) else text.splitlines(keepends=True)
    cleaned = [clean(line) for line in lines]
    changed = sum(before != after for before, after in zip(lines, cleaned, strict=True))
    if changed:
        whole = to_utf_16(b"".join(cleaned), form) if form else b"".join(cleaned)
        _replace(path, gzip.compress(whole, mtime=0) if gzipped else whole)
    return changed


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".scrub-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, path.stat().st_mode & 0o777)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def scrubbed_line(line: bytes, whose: re.Pattern[str], mails: Mails = None) -> bytes:
    """Return the line without the person whose address `whose` finds, at its old length.

    `mails`: only events of these messages are the person's; None = all events that hold the address. Events of other
    people in an array, in an envelope or next to it stay as they are. What holds the address and cannot be parsed
    becomes blank.
    """
    is_plain = b"\\" not in line and not may_be_encoded(line)
    if is_plain and not _mentions(line.decode("utf-8", "replace"), whose):
        return line
    clean, place = [], 0
    for piece in pieces(line):
        clean += [line[place : piece.start], _scrubbed_piece(line[piece.start : piece.end], piece, whose, mails)]
        place = piece.end
    return b"".join((*clean, line[place:]))


def _scrubbed_piece(part: bytes, piece: Piece, whose: re.Pattern[str], mails: Mails) -> bytes:
    """Return one object of a line without the person, at its old length; as it is if it is not about the person."""
    try:
        if piece.fault:
            raise ValueError(piece.fault)
        if not _mentions(piece.value, whose):
            return part
        clean = rewritten(piece.value, partial(_reduced, whose=whose, mails=mails))
        if mails is None and _mentions(clean, whose):
            clean = _without_mentions(clean, whose)
        return part if clean == piece.value else _padded(orjson.dumps(clean), part)
    except (ValueError, RecursionError, TypeError):  # not JSON, or nested too deeply to walk or write
        said = unescaped(part)
        return _padded(b"", part) if _mentions(said, whose) and _names(said, mails) else part


def _without_mentions(value: Any, whose: re.Pattern[str]) -> Any:
    """Return an envelope without what names the person around its events."""

    def said(item: Any) -> bool:
        return isinstance(item, str) and _mentions(item, whose)

    if isinstance(value, dict):
        pairs = ((key, item) for key, item in value.items() if not _mentions(key, whose) and not said(item))
        return {key: _without_mentions(item, whose) for key, item in pairs}
    if isinstance(value, list):
        return [_without_mentions(item, whose) for item in value if not said(item)]
    return value


def _is_theirs(item: Any, whose: re.Pattern[str], mails: Mails) -> bool:
    if not _mentions(item, whose):
        return False
    return mails is None or (isinstance(item, dict) and _names(str(item.get("lm_message_id")), mails))


def _names(text: str, mails: Mails) -> bool:
    """Tell whether a text names one of the mails; true if there is no choice of mails."""
    return mails is None or any(found in mails for found in _MAIL.findall(text.lower()))


def _padded(text: bytes, line: bytes) -> bytes:
    body = line.rstrip(b"\r\n")
    if len(text) > len(body):  # orjson prints a number longer than the line has it
        text = b""
    return text + b" " * (len(body) - len(text)) + line[len(body) :]


def _mentions(value: Any, whose: re.Pattern[str]) -> bool:
    if isinstance(value, str):
        return whose.search(value.lower()) is not None or _mentions_encoded(value, whose)
    if isinstance(value, dict):
        return any(_mentions(item, whose) for pair in value.items() for item in pair)
    return isinstance(value, list) and any(_mentions(item, whose) for item in value)


def _mentions_encoded(value: str, whose: re.Pattern[str]) -> bool:
    try:
        found = decoded(value)
    except ValueError:
        return False
    return found is not None and whose.search(found[0].decode("utf-8", "replace").lower()) is not None


def _reduced(item: Any, whose: re.Pattern[str], mails: Mails) -> Any:
    if not _is_theirs(item, whose, mails):
        return item
    if not isinstance(item, dict):
        return None
    return {key: value for key, value in without_person(item).items() if not _mentions(value, whose)}
