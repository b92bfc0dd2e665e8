"""Durable NDJSON files: when `append` returns, its lines are on disk, whatever happens next.

Group commit: posts that arrive during a write wait together and share the next write and its
fsync, so many small posts cost few fsyncs. If a write fails (disk full), its part is cut off again. So the
file ends with a whole line, later lines stay whole, and nothing of the failed write is acknowledged.

Files are called <prefix>-<UTC hour>-<pid>-<random>.ndjson, belong to one process, and stop growing at the
next UTC hour or beyond a size. The clock is an argument.
"""

import asyncio
import errno
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

log = logging.getLogger("event_collector")


ANSWERS = "answers"
"""The prefix of files with what people said on our own pages. A delivery takes these in before it claims."""


class NotWritten(Exception):
    """The lines are not on disk and must not be acknowledged; the message is the system's reason."""


class Journal:
    """Appends lines for one process; `lines` and `fsyncs` count what was written so far."""

    def __init__(
        self, folder: Path, max_file_bytes: int, clock: Callable[[], float], prefix: str = "events"
    ) -> None:
        self.lines = 0
        self.fsyncs = 0
        self._folder = folder
        self._max_file_bytes = max_file_bytes
        self._clock = clock
        self._prefix = prefix
        self._file: int | None = None
        self._hour = ""
        self._size = 0
        self._waiting: list[tuple[bytes, int, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._failing = False

    async def append(self, data: bytes, lines: int) -> None:
        """Write `data`, whole lines, and return once they are on disk.

        Raises: NotWritten; the file is then as it was before.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((data, lines, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        await asyncio.shield(done)

    async def close(self) -> None:
        """Write what waits, and close the file."""
        if self._writer is not None:
            await self._writer
        self._thread.shutdown()
        self._leave_file()

    async def _write_waiting(self) -> None:
        """Do one round after another until no post waits; a round is one write and one fsync."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            data = b"".join(one for one, _, _ in batch)
            try:
                await loop.run_in_executor(self._thread, self._commit, data)
            except OSError as error:
                self._report(error)
                for _, _, done in batch:
                    if not done.done():
                        done.set_exception(NotWritten(error.strerror or str(error)))
                        done.exception()
                continue
            self._failing = False
            self.lines += sum(lines for _, lines, _ in batch)
            for _, _, done in batch:
                if not done.done():
                    done.set_result(None)

    def _report(self, error: OSError) -> None:
        """Log one line when writing begins to fail, not one per post."""
        if not self._failing:
            log.error("cannot write events to %s: %s; answering 503 so that SendGrid retries", self._folder, error)
        self._failing = True

    def _commit(self, data: bytes) -> None:
        file = self._current_file()
        try:
            view = memoryview(data)
            while view:
                view = view[self._write(file, view) :]
            self._sync(file)
        except OSError as error:
            self._cut_back(file, error)
            raise
        self._size += len(data)

    def _write(self, file: int, data: memoryview) -> int:
        return os.write(file, data)

    def _sync(self, file: int) -> None:
        os.fsync(file)
        self.fsyncs += 1

    def _cut_back(self, file: int, error: OSError) -> None:
        """Remove what a failed write left. A full disk may recover; after any other failure a new file is begun.

        An empty file is used again, so that a lasting failure does not fill the folder with files.
        """
        try:
            os.ftruncate(file, self._size)
            os.fsync(file)
        except OSError as problem:
            log.error("cannot cut a half-written line off: %s; a new file is begun", problem)
            self._leave_file()
        if self._size and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            self._leave_file()

    def _current_file(self) -> int:
        """Return the open file, or a new one if the hour or the size ended the last one."""
        hour = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y%m%dT%H")
        if self._file is not None and hour == self._hour and self._size < self._max_file_bytes:
            return self._file
        self._leave_file()
        path = self._folder / f"{self._prefix}-{hour}-{os.getpid()}-{os.urandom(4).hex()}.ndjson"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        self._hour, self._size = hour, 0
        self._sync_folder()
        return self._file

    def _sync_folder(self) -> None:
        """Sync the folder, so that a new file's name survives a power cut, as its lines do."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _leave_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file = None
