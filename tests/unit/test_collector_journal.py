"""The journal: whole lines only, durable before it answers, rotated, unharmed by a full disk."""

import asyncio
import errno
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from event_collector.app import to_lines
from event_collector.journal import Journal, NotWritten

HOUR_ONE = 1_795_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = HOUR_ONE

    def __call__(self) -> float:
        return self.now


def run(folder: Path, work: Callable[[Journal, Clock], Awaitable[None]], max_file_bytes: int = 10**9) -> Journal:
    async def whole() -> Journal:
        clock = Clock()
        journal = Journal(folder, max_file_bytes, clock)
        await work(journal, clock)
        await journal.close()
        return journal

    return asyncio.run(whole())


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob("events-*.ndjson"))}


def test_posts_that_come_together_share_an_fsync(tmp_path: Path) -> None:
    """A hundred posts at once are all on disk when each returns, for far fewer than a hundred fsyncs."""

    async def work(journal: Journal, clock: Clock) -> None:
        await asyncio.gather(*(journal.append(f'{{"n":{n}}}\n'.encode(), 1) for n in range(100)))
        assert sorted("".join(files(tmp_path).values()).splitlines()) == sorted(f'{{"n":{n}}}' for n in range(100))

    journal = run(tmp_path, work)
    assert journal.lines == 100
    assert journal.fsyncs <= 3


def test_nothing_returns_before_its_fsync(tmp_path: Path) -> None:
    """append returns only after the fsync that covers its bytes has returned."""
    order: list[str] = []

    class Watched(Journal):
        def _sync(self, file: int) -> None:
            super()._sync(file)
            order.append("synced")

    async def work() -> None:
        journal = Watched(tmp_path, 10**9, Clock())
        await journal.append(b"{}\n", 1)
        order.append("returned")
        await journal.close()

    asyncio.run(work())
    assert order == ["synced", "returned"]


def test_a_new_file_each_hour_and_size(tmp_path: Path) -> None:
    """A file is left at the next UTC hour and beyond its size, and its name carries hour and process."""

    async def work(journal: Journal, clock: Clock) -> None:
        await journal.append(b'{"a":1}\n', 1)
        clock.now += 3600
        await journal.append(b'{"b":12345}\n', 1)
        await journal.append(b'{"c":1}\n', 1)

    run(tmp_path, work, max_file_bytes=10)
    found = files(tmp_path)
    assert sorted(found.values()) == ['{"a":1}\n', '{"b":12345}\n', '{"c":1}\n']
    assert sorted(name.split("-")[1] for name in found) == ["20261118T11", "20261118T12", "20261118T12"]
    assert {name.split("-")[2] for name in found} == {str(os.getpid())}


def test_a_failed_write_leaves_no_half_line(tmp_path: Path) -> None:
    """If the disk fills in the middle of a line, the caller gets an error and the half line is cut away. The next line
    follows whole in the same file."""

    class Filling(Journal):
        room = 10**9

        def _write(self, file: int, data: memoryview) -> int:
            if self.room <= 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            written = os.write(file, data[: self.room])
            self.room -= written
            return written

    async def work() -> None:
        journal = Filling(tmp_path, 10**9, Clock())
        await journal.append(b'{"n":1}\n', 1)
        journal.room = 5
        for _ in range(3):
            with pytest.raises(NotWritten, match="No space left"):
                await journal.append(b'{"n":2222222222222}\n', 1)
        journal.room = 10**9
        await journal.append(b'{"n":3}\n', 1)
        await journal.close()
        assert journal.lines == 2

    asyncio.run(work())
    assert list(files(tmp_path).values()) == ['{"n":1}\n{"n":3}\n']


def test_a_failed_fsync_is_not_acknowledged(tmp_path: Path) -> None:
    """After a failed fsync the bytes are cut away and a new file is begun."""

    class Failing(Journal):
        broken = False

        def _sync(self, file: int) -> None:
            if self.broken:
                raise OSError(errno.EIO, "Input/output error")
            super()._sync(file)

    async def work() -> None:
        journal = Failing(tmp_path, 10**9, Clock())
        await journal.append(b'{"n":1}\n', 1)
        journal.broken = True
        with pytest.raises(NotWritten):
            await journal.append(b'{"n":2}\n', 1)
        journal.broken = False
        await journal.append(b'{"n":3}\n', 1)
        await journal.close()

    asyncio.run(work())
    assert sorted(files(tmp_path).values()) == ['{"n":1}\n', '{"n":3}\n']


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB; skipped if mounting is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs is not allowed here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_really_full_disk(small_disk: Path) -> None:
    """On a real file system that fills up, every acknowledged line is whole, and room made later is used."""
    line = b'{"pad":"' + b"x" * 9_000 + b'"}\n'
    acknowledged = 0

    async def work(journal: Journal, clock: Clock) -> None:
        nonlocal acknowledged
        for _ in range(12):
            try:
                await journal.append(line, 1)
                acknowledged += 1
            except NotWritten:
                (small_disk / "ballast").unlink(missing_ok=True)

    (small_disk / "ballast").write_bytes(b"x" * 20_000)
    run(small_disk, work)
    assert 3 < acknowledged < 12
    assert "".join(files(small_disk).values()).encode() == line * acknowledged


def test_lines_are_one_compact_object_each() -> None:
    """Each event is a line of its own whatever its text holds; numbers and unknown fields come through."""
    body = b'[{"a": "x\\ny\\u2028", "smtp-id": "<1>", "n": [1, 2.5, null]},\r\n{"event":"new kind"}]\r\n'
    assert to_lines(body) == [
        '{"a":"x\\ny\u2028","smtp-id":"<1>","n":[1,2.5,null]}\n'.encode(), b'{"event":"new kind"}\n',
    ]  # fmt: skip
    assert to_lines(b"[]") == []


def test_odd_but_signed_content_is_kept() -> None:
    """A lone surrogate, a huge number or a wrong byte does not cost the rest of the batch."""
    assert to_lines(b'[{"a":"\\ud800"},{"b":1}]') == [b'{"a":"\\ud800"}\n', b'{"b":1}\n']
    assert to_lines(b'[{"a":"\xff"}]') == ['{"a":"\ufffd"}\n'.encode()]
    assert to_lines(b'[{"a":NaN}]') == [b'{"a":null}\n']
    assert to_lines(b'\xef\xbb\xbf[{"a":1}]') == [b'{"a":1}\n']
    assert to_lines(b'[{"a":1},[],"\\ud800",2]') == [b'{"a":1}\n', b"[]\n", b'"\\ud800"\n', b"2\n"]
    deep = b"[" * 1000 + b"]" * 1000
    assert to_lines(b'[{"a":1,"b":' + deep + b'},{"c":2}]') == [b'{"a":1}\n', b'{"c":2}\n']
    assert to_lines(b'[{"a":' + deep[600:1400] + b"}]") == [b'{"a":' + deep[600:1400] + b"}\n"]


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"[[]]", b"[{", b"null", b"[" * 100_000])
def test_what_is_no_array_of_objects_is_refused(body: bytes) -> None:
    """Anything but a JSON array of objects is refused, and the message holds nothing of the content."""
    with pytest.raises(ValueError, match=r"^(the body is not|no element of the array is)"):
        to_lines(body)
