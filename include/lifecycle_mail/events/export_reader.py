"""Export files → steps of about 100,000 staged events, each with how far every file was read.

Second part of the events stage. Files are read as bytes in large blocks and cut at line ends. So a
file may grow while it is read, and a step can always be resumed. This module does not know the database.

Forms read: one event object per line (NDJSON); one JSON array per line; one array per file, also spread over
lines as SendGrid posts it; each of these also gzipped.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import repeat
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from lifecycle_mail.errors import EventsError
from lifecycle_mail.events.erased import names_erased
from lifecycle_mail.events.parsing import DAY_SECONDS, Refused, Rules, Staged, staged, written

SUFFIXES = (".ndjson", ".jsonl", ".json")
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
    """Return the export files of a folder, recursively and by name, or the one file `path`.

    In a folder, hidden files and files with other endings than .ndjson, .jsonl, .json (each also .gz) are ignored.

    Raises:
        EventsError: there is no such file or folder, or it cannot be listed.
    """
    if path.is_file():
        return [ExportFile(path.name, path)]
    if not path.is_dir():
        raise EventsError(f"cannot read events: {path} does not exist. Give an export file or a folder")
    try:
        found = sorted(file for file in path.rglob("*") if _is_export(file, path))
    except OSError as error:
        raise EventsError(f"cannot list {path}: {error.strerror}. Check its permissions") from None
    return [ExportFile(file.relative_to(path).as_posix(), file) for file in found]


def _is_export(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return not hidden and _text_suffix(file) in SUFFIXES and file.is_file()


def _text_suffix(file: Path) -> str:
    name = file.name.lower()
    return Path(name[: -len(".gz")] if name.endswith(".gz") else name).suffix


def is_gzipped(file: Path) -> bool:
    """Tell by the name whether the file's text is compressed."""
    return file.name.lower().endswith(".gz")


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

    def steps(self, files: Sequence[ExportFile]) -> Iterator[Step]:
        """Yield the steps of all files; a file that was read to its end and has not changed yields nothing.

        Raises:
            EventsError: a file cannot be opened or read; the steps before it stay committed.
        """
        for file in files:
            try:
                yield from self._file(file)
            except OSError as error:
                raise EventsError(f"cannot read {file.path}: {error.strerror or error}") from None
        if self._step.positions:
            yield self._emptied()

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
        if _text_suffix(file.path) == ".json" and self._took_document(file, start):
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
        if _text_suffix(file.path) == ".json":
            return fresh  # a document can only be read as a whole
        return replace(fresh, read_bytes=known.read_bytes, read_lines=known.read_lines)

    def _took_document(self, file: ExportFile, start: Position) -> bool:
        """Take a file that is one JSON value; return False if it consists of lines after all."""
        try:
            with _opened(file.path) as stream:
                text = stream.read()
            value = orjson.loads(text.removeprefix(b"\xef\xbb\xbf"))
        except (EOFError, zlib.error, gzip.BadGzipFile, orjson.JSONDecodeError):
            return False
        for place, item in enumerate(value if isinstance(value, list) else [value], start=1):
            self._take_item(file.source_name, place, item, text)
        self._reached(replace(start, read_bytes=len(text), read_lines=text.count(b"\n"), is_finished=True))
        return True

    def _blocks(self, file: ExportFile, stream: IO[bytes], start: Position) -> Iterator[Step]:
        position, rest = start, b""
        limit = None if is_gzipped(file.path) else start.size_bytes - start.read_bytes
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
        if not is_gzipped(file.path):
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
        """Take a last line without its line end if it is whole; leave an incomplete one for the next ingest."""
        if not rest.strip():
            return position
        line = position.read_lines + 1
        try:
            value = orjson.loads(rest)
        except orjson.JSONDecodeError:
            self._set_aside(position.source_name, line, "cut_line", "the file ends inside this line", rest)
            return position
        self._take_value(position.source_name, line, value, rest)
        return replace(position, read_bytes=position.read_bytes + len(rest))

    def _take_line(self, source_name: str, number: int, line: bytes) -> None:
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            # A line of an array that is spread over lines, or the byte order mark before the first line.
            line = line.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r,[]")
            if not line:
                return
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                self._set_aside(source_name, number, "broken_json", f"not JSON: {error.msg}", line)
                return
        self._take_value(source_name, number, value, line)

    def _take_value(self, source_name: str, number: int, value: Any, line: bytes) -> None:
        if type(value) is list:
            for item in value:
                self._take_item(source_name, number, item, line)
        else:
            self._take(source_name, number, value, line)

    def _take_item(self, source_name: str, number: int, item: Any, array: bytes) -> None:
        """Take one element of an array; set the whole array aside if one element cannot be written by itself."""
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
            return
        self._step.received += 1
        if event.identity not in self._before:
            self._step.take(event)

    def _set_aside(self, source_name: str, line: int, reason: str, detail: str, raw: bytes) -> None:
        text = raw.decode("utf-8", "replace").replace("\x00", "")[:LONGEST_RAW]
        if self._rules.is_erased is not None and names_erased(text, self._rules.is_erased):
            text = ""
        digest = hashlib.md5(raw, usedforsecurity=False).hexdigest()
        self._step.received += 1
        self._step.set_aside.append(SetAside(source_name, line, reason, detail, text, digest))

    def _reached(self, position: Position) -> None:
        self._step.positions[position.source_name] = position

    def _full(self) -> Iterator[Step]:
        if self._step.received >= self._events_a_step or self._step.read_bytes >= LARGEST_STEP_BYTES:
            yield self._emptied()


def _opened(file: Path) -> IO[bytes]:
    return gzip.open(file, "rb") if is_gzipped(file) else file.open("rb")  # type: ignore[return-value]
