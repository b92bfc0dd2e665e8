"""Where the time of the warehouse goes: seconds per named statement, for the kept profiles of benchmarks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from lifecycle_mail.database import SQL_FOLDER, statement
from lifecycle_mail.kpis.facts import for_facts


class Clock:
    """Seconds and calls by name."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def add(self, name: str, seconds: float) -> None:
        """Count one call."""
        self.seconds[name] += seconds
        self.calls[name] += 1

    def table(self, per: int, unit: str, most: int | None = None) -> str:
        """Return one line per name, the `most` expensive first, with the microseconds per one of `per` things."""
        lines = [f"{'seconds':>9} {'calls':>6} {f'us/{unit}':>9}  what"]
        for name, seconds in self.seconds.most_common(most):
            lines.append(f"{seconds:9.2f} {self.calls[name]:6} {seconds / per * 1e6:9.2f}  {name}")
        return "\n".join(lines)


@contextmanager
def statements_clocked(own: sa.Engine) -> Iterator[Clock]:
    """Clock every statement of the library that runs on the engine; statements are named by their file."""
    names = {}
    for file in SQL_FOLDER.glob("*/*.sql"):
        if file.parent.name != "migrations":
            name = f"{file.parent.name}/{file.stem}"
            names[statement(name).text] = name
            if file.parent.name == "kpis":
                names[for_facts(name).text] = name
    clock = Clock()

    def before(*call: Any) -> None:  # connection, cursor, text, binds, context, many
        call[4].began = time.perf_counter()

    def after(*call: Any) -> None:
        text, context = call[2], call[4]
        source = getattr(getattr(context.compiled, "statement", None), "text", text)
        clock.add(names.get(source, " ".join(text.split())[:60]), time.perf_counter() - context.began)

    sa.event.listen(own, "before_cursor_execute", before)
    sa.event.listen(own, "after_cursor_execute", after)
    try:
        yield clock
    finally:
        sa.event.remove(own, "before_cursor_execute", before)
        sa.event.remove(own, "after_cursor_execute", after)
