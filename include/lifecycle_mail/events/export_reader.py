"""Export files → steps of about 100,000 staged events, each with how far every file was read.

Second part of the events stage. Files are read as bytes in large blocks and cut at line ends. So a
file may grow while it is read, and a step can always be resumed. This module does not know the database.

Forms read: one event object per line (NDJSON); objects one after another without a line end; one JSON array per line;
one array per file, also spread over lines as SendGrid posts it; envelopes around any of these (`envelopes`); each of
these also gzipped, or in UTF-16.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import repeat
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from lifecycle_mail.errors import EventsError
from lifecycle_mail.events.encoded import GZIP, from_utf_16, hides_address, utf_16
from lifecycle_mail.events.envelopes import Unread, events_in, is_event
from lifecycle_mail.events.erased import names_erased
from lifecycle_mail.events.parsing import DAY_SECONDS, Refused, Rules, Staged, no_of_refused, staged, written
from lifecycle_mail.events.pieces import Piece, pieces
from lifecycle_mail.intake import Intake
from lifecycle_mail.sendgrid.event_words import KINDS, kind_of, shown_kind

SUFFIXES = (".ndjson", ".jsonl", ".jsonlines", ".json")
_PACKED = (b"PK\x03\x04", b"BZh", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00")  # zip, bzip2, zstd, xz: never read
_SPREAD = re.compile(rb"(?:\xef\xbb\xbf)?[\s\[\x1e]*\{[ \t]*[\r\n]")  # an object begins, and its line ends
_HEAD_BYTES = 64
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]*")  # of a name: 2026-12-01.17 has none
BLOCK_BYTES = 1 << 22
FINGERPRINT_BYTES = 4096
LONGEST_RAW = 100_000  # characters kept of a line that is set aside
LARGEST_STEP_BYTES = 1 << 28  # read for one step: five times the size of 100,000 usual events


@dataclass(frozen=True)
class Position:
    """How far a file was read; columns and units are those of event.file."""

    source_name: str
    read_bytes: int = 0
    read_lines: int = 0
    size_bytes: int = 0
    fingerprint: str = ""
    is_finished: bool = False


class SetAside(NamedTuple):
    """One line or array element that could not be taken; columns are those of event.rejected."""

    source_name: str
    line: int
    reason: str
    detail: str
    raw: str
    raw_md5: str


@dataclass
class Step:
    """What one transaction takes: for each event, by its identity, two rows for COPY. No event occurs twice in a step.

    Holds only texts and bytes, not an object per event, because the collector of garbage would visit all of them again
    and again. `order`: the identities, sorted. `days`: the events' days since 1970 (UTC).
    """

    facts: dict[str, bytes] = field(default_factory=dict)
    events: dict[str, bytes] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    days: set[int] = field(default_factory=set)
    received: int = 0
    read_bytes: int = 0
    set_aside: list[SetAside] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)

    def take(self, event: Staged) -> None:
        """Keep one event, unless the step holds it already: the first one read counts."""
        identity, day, fact_row, event_row = event
        if identity not in self.events:
            self.facts[identity] = fact_row
            self.events[identity] = event_row
            self.days.add(day)

    def sort(self) -> None:
        """Sort the events by identity, so that a step visits each page of an index once."""
        self.order = sorted(self.events)

    def fact_rows(self) -> Iterator[bytes]:
        """Yield the rows of what the events mean, in order, and release them."""
        return map(self.facts.pop, self.order)

    def event_rows(self) -> Iterator[bytes]:
        """Yield the rows of the events that are left, in order, and release them."""
        return filter(None, map(self.events.pop, self.order, repeat(b"")))

    def months(self) -> set[date]:
        """Return the first days of the months (UTC) that the events lie in."""
        return {_begin(day).date().replace(day=1) for day in self.days}

    def span(self) -> tuple[datetime, datetime]:
        """Return the beginning of the events' first day and the end of their last (UTC)."""
        return _begin(min(self.days)), _begin(max(self.days) + 1)


def _begin(day: int) -> datetime:
    return datetime.fromtimestamp(day * DAY_SECONDS, UTC)


class ExportFile(NamedTuple):
    """A file to read, and its name: its path below the ingested folder."""

    source_name: str
    path: Path


def export_files(path: Path) -> list[ExportFile]:
    """Return the export files of a folder, recursively and by name, or the one file `path`; see `sorted_out`."""
    return sorted_out(path)[0]


def sorted_out(path: Path) -> tuple[list[ExportFile], dict[str, str]]:
    """Return the export files of a folder, recursively and by name, and why each other file is left out.

    Exports end in .ndjson, .jsonl or .json, or have no ending; each may be followed by .gz. Hidden files, and files in
    hidden folders, are not looked at: others are writing them. A file that is given by its own path is an export.

    Raises:
        EventsError: there is no such file or folder, or it cannot be listed.
    """
    if path.is_file():
        reason = "packed_otherwise" if _is_packed(path) else ""
        return ([], {path.name: reason}) if reason else ([ExportFile(path.name, path)], {})
    if not path.is_dir():
        raise EventsError(f"cannot read events: {path} does not exist. Give an export file or a folder")
    try:
        found = sorted(file for file in path.rglob("*") if not file.is_dir() and not _is_hidden(file, path))
    except OSError as error:
        raise EventsError(f"cannot list {path}: {error.strerror}. Check its permissions") from None
    named = {file.relative_to(path).as_posix(): file for file in found}
    left_out = {name: reason for name, file in named.items() if (reason := _left_out(file))}
    return [ExportFile(name, file) for name, file in named.items() if name not in left_out], left_out


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _left_out(file: Path) -> str:
    if not file.is_file():
        return "not_a_regular_file"
    if _is_packed(file):
        return "packed_otherwise"
    return "" if _text_suffix(file) in ("", *SUFFIXES) else "other_ending"


def _text_suffix(file: Path) -> str:
    name = file.name.lower()
    suffix = Path(name.removesuffix(".gz")).suffix
    return suffix if _ENDING.fullmatch(suffix) else ""


def _is_packed(file: Path) -> bool:
    """Tell by its first bytes whether the file is compressed in a way that is not read."""
    try:
        with file.open("rb") as stream:
            return stream.read(8).startswith(_PACKED)
    except OSError:
        return False  # the reader says why


def is_gzipped(file: Path) -> bool:
    """Tell by its first bytes whether the file's text is compressed, whatever it is called."""
    with file.open("rb") as stream:
        return stream.read(len(GZIP)) == GZIP


def is_document(file: Path) -> bool:
    """Tell whether a file is read as a whole: by its ending, in UTF-16, or if an object begins that is spread over
    lines."""
    if _text_suffix(file) == ".json":
        return True
    try:
        with _opened(file) as stream:
            head = stream.read(_HEAD_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return False
    return bool(utf_16(head) or _SPREAD.match(head))


def fingerprint(file: Path, size_bytes: int) -> str:
    """Return the md5 of the first and the last bytes of the file's first `size_bytes` bytes."""
    with file.open("rb") as stream:
        head = stream.read(min(FINGERPRINT_BYTES, size_bytes))
        stream.seek(max(0, size_bytes - FINGERPRINT_BYTES))
        tail = stream.read(min(FINGERPRINT_BYTES, size_bytes))
    return hashlib.md5(head + tail, usedforsecurity=False).hexdigest()


class Reader:
    """Reads files from where reading ended before, one step of `events_a_step` or a little more at a time.

    A step of very long lines ends earlier, at LARGEST_STEP_BYTES, because it is held in memory.
    """

    def __init__(self, known: Mapping[str, Position], rules: Rules, events_a_step: int) -> None:
        self._known = known
        self._rules = rules
        self._events_a_step = events_a_step
        self._step = Step()
        self._before = frozenset[str]()  # events of the previous step, which may not be committed yet
        self._gzipped = False  # the file that is being read
        self.unreadable: dict[str, str] = {}
        self.read: dict[str, int] = {}  # events and lines received, by file
        self.refused: dict[str, Counter[str]] = {}  # events and lines set aside, by file and reason
        self.unknown = Counter[str]()  # events kept although their kind is not known, by kind

    def steps(self, files: Sequence[ExportFile]) -> Iterator[Step]:
        """Yield the steps of all files; a file that was read to its end and has not changed yields nothing.

        A file that cannot be opened or read is named in `unreadable`, and the others go on.
        """
        for file in files:
            try:
                yield from self._file(file)
            except OSError as error:
                self.unreadable[file.source_name] = error.strerror or str(error)
        if self._step.positions:
            yield self._emptied()

    def intakes(self) -> tuple[Intake, ...]:
        """Return what became of each file so far."""
        return tuple(Intake(name, rows, dict(self.refused.get(name, {}))) for name, rows in self.read.items())

    def barren(self) -> tuple[str, ...]:
        """Return the files that gave nothing, now or before."""
        known = {name for name, position in self._known.items() if position.read_bytes}
        whole = [one.name for one in self.intakes() if one.is_refused_whole]
        return tuple(name for name in (*whole, *self.unreadable) if name not in known)

    def _emptied(self) -> Step:
        step, self._step = self._step, Step()
        step.sort()
        self._before = frozenset(step.events)
        return step

    def _file(self, file: ExportFile) -> Iterator[Step]:
        size = file.path.stat().st_size
        start = self._start(file, size)
        if start is None:
            return
        self._gzipped = is_gzipped(file.path)
        if is_document(file.path) and self._took_document(file, start):
            yield from self._full()
            return
        with _opened(file.path) as stream:
            stream.seek(start.read_bytes)
            yield from self._blocks(file, stream, start)

    def _start(self, file: ExportFile, size: int) -> Position | None:
        """Return where to continue; None if nothing is new. A file that is not the known one is read from its start."""
        fresh = Position(file.source_name, size_bytes=size, fingerprint=fingerprint(file.path, size))
        known = self._known.get(file.source_name)
        if known is None or size < known.size_bytes:
            return fresh
        if fingerprint(file.path, known.size_bytes) != known.fingerprint:
            return fresh
        if size == known.size_bytes and known.is_finished:
            return None
        if is_document(file.path):
            return fresh  # it can only be read as a whole
        return replace(fresh, read_bytes=known.read_bytes, read_lines=known.read_lines)

    def _took_document(self, file: ExportFile, start: Position) -> bool:
        """Take a file that is one JSON value, or several that are spread over lines.

        Return False if it consists of lines after all, or is too large to be held as a whole.
        """
        try:
            with _opened(file.path) as stream:
                text = stream.read(LARGEST_STEP_BYTES + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            return False
        form = utf_16(text)
        if len(text) > LARGEST_STEP_BYTES:
            if form:
                detail = f"a file in UTF-16 may have {LARGEST_STEP_BYTES} bytes: write it in UTF-8"
                self._set_aside(file.source_name, 1, "utf_16_too_large", detail, b"")
                self._reached(replace(start, is_finished=True))
            return bool(form)
        text = from_utf_16(text, form) if form else text
        body = text.removeprefix(b"\xef\xbb\xbf")
        if not (form or _is_value(body) or _SPREAD.match(body)):
            return False
        found = list(pieces(body))
        if len(found) == 1 and not found[0].fault:
            for place, item in enumerate(events_in(found[0].value), start=1):
                self._take_item(file.source_name, place, item, text)
        else:
            for place, piece in enumerate(found, start=1):
                self._take_piece(file.source_name, place, piece, body, "cut_line" if piece.end == len(body) else "")
        self._reached(replace(start, read_bytes=len(text), read_lines=text.count(b"\n"), is_finished=True))
        return True

    def _blocks(self, file: ExportFile, stream: IO[bytes], start: Position) -> Iterator[Step]:
        position, rest = start, b""
        limit = None if self._gzipped else start.size_bytes - start.read_bytes
        while block := self._block(file, stream, position, limit):
            limit = None if limit is None else limit - len(block)
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            for number, line in enumerate(lines, start=position.read_lines + 1):
                self._take_line(file.source_name, number, line)
            taken = sum(map(len, lines)) + len(lines)
            position = replace(
                position, read_bytes=position.read_bytes + taken, read_lines=position.read_lines + len(lines)
            )
            self._step.read_bytes += taken
            self._reached(position)
            yield from self._full()
        self._reached(replace(self._last_line(position, rest), is_finished=True))
        yield from self._full()

    def _block(self, file: ExportFile, stream: IO[bytes], position: Position, limit: int | None) -> bytes:
        wanted = BLOCK_BYTES if limit is None else min(BLOCK_BYTES, limit)
        if not self._gzipped:
            return stream.read(wanted) if wanted else b""
        parts: list[bytes] = []
        try:
            # Small reads: what was unpacked before the damage is kept, and the next call meets the damage again.
            while sum(map(len, parts)) < wanted and (part := stream.read1(wanted)):  # type: ignore[attr-defined]
                parts.append(part)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            if not parts:
                line = position.read_lines + 1
                detail = "the compressed file ends early or is damaged"
                self._set_aside(file.source_name, line, "broken_gzip", detail, b"")
        return b"".join(parts)

    def _last_line(self, position: Position, rest: bytes) -> Position:
        """Take what is whole of a last line without its line end; leave an incomplete end for the next ingest."""
        if not rest.strip():
            return position
        line, taken = position.read_lines + 1, 0
        for piece in pieces(rest):
            is_cut = piece.end == len(rest)
            self._take_piece(position.source_name, line, piece, rest, "cut_line" if is_cut else "")
            taken = piece.start if piece.fault and is_cut else piece.end
        return replace(position, read_bytes=position.read_bytes + taken)

    def _take_line(self, source_name: str, number: int, line: bytes) -> None:
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            # A line of an array that is spread over lines, or the byte order mark before the first line.
            line = line.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r,[]")
            if not line:
                return
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                for piece in pieces(line):
                    self._take_piece(source_name, number, piece, line)
                return
        self._take_value(source_name, number, value, line)

    def _take_piece(self, source_name: str, number: int, piece: Piece, line: bytes, cut: str = "") -> None:
        """Take one object of a line that holds several, or set it aside; `cut` = the reason if it may be incomplete."""
        part = line[piece.start : piece.end]
        if not piece.fault:
            self._take_value(source_name, number, piece.value, part)
        elif cut:
            self._set_aside(source_name, number, cut, f"the file ends inside this line{_at(piece)}", part)
        else:
            self._set_aside(source_name, number, "broken_json", f"{piece.fault}{_at(piece)}", part)

    def _take_value(self, source_name: str, number: int, value: Any, line: bytes) -> None:
        if is_event(value):
            self._take(source_name, number, value, line)
            return
        for item in events_in(value):
            if item is value:
                self._take(source_name, number, value, line)
            else:
                self._take_item(source_name, number, item, line)

    def _take_item(self, source_name: str, number: int, item: Any, array: bytes) -> None:
        """Take one event of an array or envelope; set all of it aside if the event cannot be written by itself."""
        if isinstance(item, Unread):
            self._set_aside(source_name, number, item.reason, item.detail, item.raw)
            return
        try:
            raw = written(item)
        except Refused as refused:
            self._set_aside(source_name, number, refused.reason, refused.detail, array)
            return
        self._take(source_name, number, item, raw)

    def _take(self, source_name: str, number: int, value: Any, raw: bytes) -> None:
        if type(value) is not dict:
            self._set_aside(source_name, number, "not_an_object", "an event must be a JSON object", raw)
            return
        try:
            event = staged(value, raw, self._rules)
        except Refused as refused:
            self._set_aside(source_name, number, refused.reason, refused.detail, raw)
            if said := no_of_refused(value, raw, self._rules):
                self._keep(source_name, said)
            return
        self._keep(source_name, event)
        if (kind := kind_of(value)) not in KINDS:
            self.unknown[shown_kind(kind)] += 1

    def _keep(self, source_name: str, event: Staged) -> None:
        self._count(source_name)
        if event.identity not in self._before:
            self._step.take(event)

    def _set_aside(self, source_name: str, line: int, reason: str, detail: str, raw: bytes) -> None:
        text = raw.decode("utf-8", "replace").replace("\x00", "")[:LONGEST_RAW]
        if hides_address(text) or (self._rules.is_erased is not None and names_erased(text, self._rules.is_erased)):
            text = ""
        digest = hashlib.md5(raw, usedforsecurity=False).hexdigest()
        self._count(source_name)
        self.refused.setdefault(source_name, Counter())[reason] += 1
        self._step.set_aside.append(SetAside(source_name, line, reason, detail, text, digest))

    def _count(self, source_name: str) -> None:
        self._step.received += 1
        self.read[source_name] = self.read.get(source_name, 0) + 1

    def _reached(self, position: Position) -> None:
        self._step.positions[position.source_name] = position

    def _full(self) -> Iterator[Step]:
        if self._step.received >= self._events_a_step or self._step.read_bytes >= LARGEST_STEP_BYTES:
            yield self._emptied()


def _at(piece: Piece) -> str:
    return f", at byte {piece.start} of it" if piece.start else ""


def _is_value(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def _opened(file: Path) -> IO[bytes]:
    return gzip.open(file, "rb") if is_gzipped(file) else file.open("rb")  # type: ignore[return-value]
