"""Read a list that changes meanwhile, without a loss: closed windows, each halved until it fits into one answer.

Pure, given a function that fetches a page. A row's time never changes, so the windows divide the list once and for all.
One answer is the state of its window at one moment.

Offsets are needed only if one second alone holds more rows than a page (a bulk upload). That second is read until two
passes agree. A pass can miss a row that stayed only for two reasons. Either a row before it was removed during the
pass: this pass has read the removed row and the next one cannot, so the two differ. Or the provider orders the rows of
a second differently for each page: then another row is read twice, and a pass with a repeated row does not count.

A window is closed: its end lies in the past. New rows do not enter it, except late ones, and for those the next run's
window overlaps this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lifecycle_mail.sendgrid.suppression_lists import Listed

PASSES = 6

Fetch = Callable[[int, int, int], list[Listed]]
"""(start_epoch, end_epoch, offset) → one page."""


@dataclass(frozen=True)
class Window:
    """A closed span of time; both ends are Unix seconds and included."""

    start_epoch: int
    end_epoch: int

    def halves(self) -> tuple[Window, Window]:
        """Return two windows that together hold every second of this one once."""
        middle = (self.start_epoch + self.end_epoch) // 2
        return Window(self.start_epoch, middle), Window(middle + 1, self.end_epoch)


@dataclass(frozen=True)
class Reading:
    """The distinct rows of a window.

    If not `is_settled`, no two passes agreed, and these are the rows of all passes.
    """

    window: Window
    rows: frozenset[Listed]
    is_settled: bool = True


def read_windows(fetch: Fetch, window: Window, rows_a_page: int) -> Iterator[Reading]:
    """Yield the rows of `window` in parts of at most a page, from old to new."""
    waiting = [window]
    while waiting:
        part = waiting.pop()
        rows = fetch(part.start_epoch, part.end_epoch, 0)
        # Only the last page of a list is short.
        if len(rows) < rows_a_page:
            yield Reading(part, frozenset(rows))
        elif part.start_epoch < part.end_epoch:
            waiting.extend(reversed(part.halves()))
        else:
            yield _read_by_offset(fetch, part, rows_a_page)


def _read_by_offset(fetch: Fetch, window: Window, rows_a_page: int) -> Reading:
    """Read the window until two passes in succession hold the same rows, each row once."""
    seen: set[Listed] = set()
    before: set[Listed] | None = None
    for _ in range(PASSES):
        rows = _pass(fetch, window, rows_a_page)
        distinct = set(rows)
        seen |= distinct
        if len(rows) > len(distinct):
            before = None
        elif distinct == before:
            return Reading(window, frozenset(rows))
        else:
            before = distinct
    return Reading(window, frozenset(seen), is_settled=False)


def _pass(fetch: Fetch, window: Window, rows_a_page: int) -> list[Listed]:
    rows: list[Listed] = []
    while True:
        page = fetch(window.start_epoch, window.end_epoch, len(rows))
        rows += page
        if len(page) < rows_a_page:
            return rows
