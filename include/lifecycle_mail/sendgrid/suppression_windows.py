"""Read a moving list and lose nothing: closed windows, halved until each fits into one answer.

Pure, given something that fetches a page. Why it is safe: a row's time never
changes, so windows part the list once and for all, and one answer is one moment of its window. Offsets are
needed only where one second alone holds more rows than a page (a bulk upload). There the second is read until
two passes agree: a row that stayed can be missed by a pass only if a row before it was removed meanwhile, which
that pass has read and the next one cannot read, so the two differ; or if the provider orders rows of a second
anew for each page, and then another row is read twice, and such a pass does not count. A window is closed (its
end lies in the past), so new rows do not enter it, except late ones, for which the next run's window overlaps it.
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
    """A closed stretch of time; Unix seconds, both included."""

    start_epoch: int
    end_epoch: int

    def halves(self) -> tuple[Window, Window]:
        """Return two windows that hold every second of this one once."""
        middle = (self.start_epoch + self.end_epoch) // 2
        return Window(self.start_epoch, middle), Window(middle + 1, self.end_epoch)


@dataclass(frozen=True)
class Reading:
    """What a window held: distinct rows; not `is_settled` = no two passes agreed, and all their rows are here."""

    window: Window
    rows: frozenset[Listed]
    is_settled: bool = True


def read_windows(fetch: Fetch, window: Window, rows_a_page: int) -> Iterator[Reading]:
    """Yield the rows of `window` in parts of at most a page, from old to new."""
    waiting = [window]
    while waiting:
        part = waiting.pop()
        rows = fetch(part.start_epoch, part.end_epoch, 0)
        # A page is short where the list ends, and nowhere else.
        if len(rows) < rows_a_page:
            yield Reading(part, frozenset(rows))
        elif part.start_epoch < part.end_epoch:
            waiting.extend(reversed(part.halves()))
        else:
            yield _read_by_offset(fetch, part, rows_a_page)


def _read_by_offset(fetch: Fetch, window: Window, rows_a_page: int) -> Reading:
    """Read the window until two passes in a row hold the same rows, each once."""
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
