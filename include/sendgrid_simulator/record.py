"""The simulator's own record of what it accepted: the truth that crash tests count from.

An append-only NDJSON file, `accepted.ndjson` in the record directory, one line per recipient:
message_id (the lm_message_id custom argument or null), address, role (to, cc, bcc), x_message_id,
accepted_at (unix seconds) and request (a number from 1). The lines of a request reach the kernel in one
write before its 202 leaves, so they survive a kill of the simulator.
"""

import bisect
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

FILE_NAME = "accepted.ndjson"
PAGE_MAX = 10_000


class AcceptedRecord:
    """Writes and reads the file; an existing file is continued, so that a restart forgets nothing."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self.recipients = 0
        self.requests = 0
        self._starts: list[int] = []
        """Number of the first recipient of every indexed write; `_offsets` has the byte offset of each."""
        self._offsets: list[int] = []
        self._open()

    def append(self, lines: Iterable[dict[str, Any]]) -> None:
        """Write the lines of one request; returns once the kernel has them."""
        encoded = [orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines]
        data = b"".join(encoded)
        self._index(len(encoded))
        self._size += len(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        self.requests += 1

    def page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """Return up to `limit` (at most PAGE_MAX) lines from the `offset`-th accepted recipient on."""
        place = bisect.bisect_right(self._starts, offset) - 1
        if place < 0 or offset >= self.recipients:
            return []
        found = []
        with self.path.open("rb") as file:
            file.seek(self._offsets[place])
            for number, line in enumerate(file, self._starts[place]):
                if number >= offset + min(limit, PAGE_MAX):
                    break
                if number >= offset:
                    found.append(orjson.loads(line))
        return found

    def distinct_message_ids(self) -> int:
        """Count different message ids over the whole file; smaller than `recipients` means a double send."""
        with self.path.open("rb") as file:
            return len({orjson.loads(line)["message_id"] for line in file})

    def reset(self) -> None:
        """Start an empty file; the old one stays in the folder under the next free number."""
        os.close(self._file)
        number = 1
        while (old := self.path.with_name(f"accepted-before-reset-{number}.ndjson")).exists():
            number += 1
        self.path.rename(old)
        self._open()

    def close(self) -> None:
        os.close(self._file)

    def _open(self) -> None:
        self.recipients = self.requests = self._size = 0
        self._starts, self._offsets = [], []
        self.path.touch(mode=0o600)
        last = None
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._index(1)
                self._size += len(line)
                last = line
        if last is not None:
            self.requests = orjson.loads(last)["request"]
        os.truncate(self.path, self._size)
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND)

    def _index(self, lines: int) -> None:
        """Remember a place about every thousand recipients: enough for paging, small for a million."""
        if not self._starts or self.recipients - self._starts[-1] >= 1000:
            self._starts.append(self.recipients)
            self._offsets.append(self._size)
        self.recipients += lines
