"""The demo's shop as a supplier of feeds: its history once, then only what is new.

The whole world is written to `<home>/shop` and handed over in `<home>/feeds`, where `load_sources` looks every hour;
once it is loaded it is taken away again, as a shop delivers a year once and then the news.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from sqlalchemy.engine import Engine

from demo_world import ReactionCounts, shift_for, write_reactions
from lifecycle_mail.database import run, scalar
from local_stack.home import Home
from local_stack.processes import NotReady, with_include

_WRITING_SECONDS = 600.0
_ORDERS, _LINES, _CARTS = (f"{feed}.reactions.csv" for feed in ("orders", "order_lines", "carts"))

Rows = list[dict[str, str]]


class Shop:
    """The shop of one home, as it stands on `today` (UTC)."""

    def __init__(self, home: Home, warehouse: Engine, today: dt.date) -> None:
        self.log_file = home.logs / "demo_world.log"
        self.world = home.folder / "shop"
        self._stamp = home.folder / "shop.json"
        self._feeds = home.feeds
        self._warehouse = warehouse
        self._writing: subprocess.Popen[bytes] | None = None
        with warehouse.begin() as connection:
            shift_days = int(scalar(connection, "demo/keep_shift", shift_days=shift_for(today)))
            loaded = run(connection, "demo/loaded_world").scalar_one_or_none()
        self._wanted = {"today": today.isoformat(), "shift_days": shift_days}
        self.is_loaded = loaded == self._wanted

    def begin_writing(self) -> None:
        """Begin to write the world, unless the warehouse has it or it lies there already."""
        if self.is_loaded or self._written() == self._wanted:
            return
        self._stamp.unlink(missing_ok=True)
        command = [sys.executable, "-m", "demo_world", "write", str(self.world)]
        command += ["--today", str(self._wanted["today"]), "--shift-days", str(self._wanted["shift_days"])]
        environment = with_include(dict(os.environ))
        with self.log_file.open("wb") as log:
            self._writing = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def hand_over(self) -> str:
        """Wait for the world and put it where feeds are loaded from; return one line about it.

        Raises:
            NotReady: the world could not be written.
        """
        if self.is_loaded:
            return "the warehouse has it already: only what is new will be loaded"
        if self._writing is not None:
            if self._writing.wait(_WRITING_SECONDS):
                raise NotReady("the shop's files could not be written")
            self._stamp.write_text(json.dumps(self._wanted))
        files = sorted(self.world.iterdir())
        for file in files:
            _link_or_copy(file, self._feeds / file.name)
        rows = self.log_file.read_text().splitlines()[-1:] if self.log_file.exists() else []
        return rows[0].partition(": ")[2] if rows else f"{len(files)} files"

    def take_away(self) -> None:
        """Remember that the world is loaded, and take its files out of the feeds."""
        if self.is_loaded:
            return
        with self._warehouse.begin() as connection:
            run(connection, "demo/keep_loaded_world", world=json.dumps(self._wanted))
        for file in self.world.iterdir():
            (self._feeds / file.name).unlink(missing_ok=True)
        self.is_loaded = True

    def write_reactions(self, now: dt.datetime) -> ReactionCounts:
        """Put the orders of some clickers, and of a few others, where feeds are loaded from."""
        with self._warehouse.connect() as connection:
            clickers = [(row.customer_id, row.first_click_at) for row in run(connection, "demo/clickers")]
            enrolled = [(row.customer_id, row.arm, row.enrolled_at) for row in run(connection, "demo/enrolled")]
        earlier = {file: _rows(self._feeds / file) for file in (_ORDERS, _LINES, _CARTS)}
        counts = write_reactions(self._feeds, clickers, enrolled, now, world=self.world)
        orders = _keep(self._feeds / _ORDERS, "customer_id", earlier[_ORDERS])
        placed = {order["order_id"] for order in orders}
        _keep(self._feeds / _LINES, "order_id", earlier[_LINES], only=placed)
        _keep(self._feeds / _CARTS, "cart_id", earlier[_CARTS])
        return counts

    def _written(self) -> dict[str, object] | None:
        return dict(json.loads(self._stamp.read_text())) if self._stamp.exists() else None


def _link_or_copy(file: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(file)
    except OSError:  # another file system, or one without links
        shutil.copyfile(file, target)


def _rows(file: Path) -> Rows:
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _keep(file: Path, key: str, earlier: Rows, only: set[str] | None = None) -> Rows:
    """Give rows whose key is in `earlier` the content they had then, since what was ordered does not change later.

    With `only`, new rows of other keys are left out. Returns the rows of the file as it is now.
    """
    known = {row[key] for row in earlier}
    new = [row for row in _rows(file) if row[key] not in known and (only is None or row[key] in only)]
    rows = [*earlier, *new]
    if rows:
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return rows
