"""Reading a moving list: whatever is added or removed meanwhile, nothing that stayed is missed."""

from __future__ import annotations

import itertools
import random

import pytest

from lifecycle_mail.sendgrid.suppression_lists import Listed
from lifecycle_mail.sendgrid.suppression_windows import Reading, Window, read_windows

PAGE = 5
SPAN = Window(0, 999)


class MovingList:
    """A list that changes by chance before a page is read; newest first, as the provider sorts it.

    `seconds`: how many different times its rows have. `shuffles`: rows of one second come in another order from page to
    page.
    """

    def __init__(self, rows: int, seed: int, changes: int, seconds: int = 40, shuffles: bool = False) -> None:
        self.draw = random.Random(seed)
        self.seconds = seconds
        self.rows = {f"p{n}": self._time() for n in range(rows)}
        self.changes, self.shuffles, self.requests = changes, shuffles, 0
        self.stayed = set(self.rows)
        self.ever = {Listed(address, epoch) for address, epoch in self.rows.items()}

    def fetch(self, start: int, end: int, offset: int) -> list[Listed]:
        self.requests += 1
        if self.changes and self.draw.random() < 0.5:
            self.changes -= 1
            self._change()
        inside = [(epoch, address) for address, epoch in self.rows.items() if start <= epoch <= end]
        if self.shuffles:
            inside.sort(key=lambda row: (-row[0], self.draw.random()))
        else:
            inside.sort(reverse=True)
        return [Listed(address, epoch) for epoch, address in inside[offset : offset + PAGE]]

    def _time(self) -> int:
        return self.draw.randrange(self.seconds) * (1000 // self.seconds)

    def _change(self) -> None:
        if self.draw.random() < 0.6 and self.rows:
            gone = self.draw.choice(sorted(self.rows))
            del self.rows[gone]
            self.stayed.discard(gone)
        else:
            address, epoch = f"late{self.requests}", self._time()
            self.rows[address] = epoch
            self.ever.add(Listed(address, epoch))


def read(moving: MovingList) -> tuple[set[Listed], list[Reading]]:
    readings = list(read_windows(moving.fetch, SPAN, PAGE))
    return {row for reading in readings for row in reading.rows}, readings


@pytest.mark.parametrize("seconds", [1, 3, 40])
@pytest.mark.parametrize("seed", range(100))
def test_nothing_that_stayed_is_missed(seed: int, seconds: int) -> None:
    """Rows come and go between any two pages, spread or all of a second: every row that was there all the time is
    read, and none is invented."""
    moving = MovingList(rows=23, seed=seed, changes=4, seconds=seconds)
    found, _ = read(moving)
    assert moving.stayed <= {row.address for row in found}
    assert found <= moving.ever


@pytest.mark.parametrize("seed", range(100))
def test_rows_of_a_second_in_any_order(seed: int) -> None:
    """If a provider orders the rows of a second differently for each page, either no row is hidden or the reading says
    so."""
    moving = MovingList(rows=23, seed=seed, changes=0, seconds=1, shuffles=True)
    found, readings = read(moving)
    assert found == moving.ever or not all(one.is_settled for one in readings)


def test_plain_offsets_would_miss_rows() -> None:
    """The worlds above are hard enough: one pass by offset misses rows that stayed in many of them."""
    missed = 0
    for seed in range(100):
        moving = MovingList(rows=23, seed=seed, changes=4)
        found: list[Listed] = []
        while page := moving.fetch(0, 999, len(found)):
            found += page
        missed += not moving.stayed <= {row.address for row in found}
    assert missed > 10


def test_a_few_changes_settle() -> None:
    """Two changes do not keep a crowded second from holding still."""
    for seed in range(100):
        assert all(one.is_settled for one in read(MovingList(rows=23, seed=seed, changes=2, seconds=1))[1])


def test_a_second_that_never_holds_still_is_taken_and_named() -> None:
    """If no two passes agree, the rows of all passes are taken, and the reading says that it did not settle."""
    moving = MovingList(rows=23, seed=1, changes=10_000, seconds=1)
    found, readings = read(moving)
    assert not all(one.is_settled for one in readings)
    assert moving.stayed <= {row.address for row in found}


def test_windows_are_halved_from_old_to_new() -> None:
    """No part holds more than a page; together they cover every second once, oldest first."""
    moving = MovingList(rows=200, seed=3, changes=0, seconds=500)
    found, readings = read(moving)
    assert found == moving.ever
    edges = [(one.window.start_epoch, one.window.end_epoch) for one in readings]
    assert (edges[0][0], edges[-1][1]) == (0, 999)
    assert all(after[0] == before[1] + 1 for before, after in itertools.pairwise(edges))
    assert max(len(one.rows) for one in readings) < PAGE


def test_an_empty_list_costs_one_request() -> None:
    """One answer is one moment, so it needs no second reading."""
    moving = MovingList(rows=0, seed=5, changes=0)
    assert read(moving)[0] == set()
    assert moving.requests == 1
