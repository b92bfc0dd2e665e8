"""Goal words: the files of include/sql/kpis/goals, put into the statements that ask when a goal was reached."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection, CursorResult

from lifecycle_mail.database import run_with
from lifecycle_mail.words import GOALS, words_of


def goals_of_mailed() -> list[str]:
    """Return the goals that no held-out person can reach. They have no lift."""
    return [name for name, word in words_of(GOALS).items() if word.header["reached-by"] == "mailed"]


def run_with_goals(connection: Connection, name: str, **parameters: Any) -> CursorResult[Any]:
    """Execute a statement in which `goal_word` stands for the facts of all goals."""
    files = tuple(word.file for word in words_of(GOALS).values())
    return run_with(connection, name, {"goal_word": files}, **parameters)
