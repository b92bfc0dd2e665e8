"""Nothing silent: what became of everything that files or lists brought, by reason, and when that is an alarm.

Below every stage, so that feeds and events keep one rule. A stage counts. The command line prints the table; in a DAG a
task logs it, and the next one fails for the alarms.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lifecycle_mail.errors import IntakeAlarm

Row = tuple[str, int]


@dataclass(frozen=True)
class Limits:
    """When an intake is an alarm.

    More than `refused_percent` of a file's rows were refused; nothing is newer than `silent_hours` (0 = the clock is
    not asked), although there was something to hear of; `missing_periods` periods of the schedule brought nothing (0 =
    never an alarm).
    """

    refused_percent: float = 5.0
    silent_hours: float = 3.0
    missing_periods: int = 2

    @property
    def silence(self) -> dt.timedelta:
        """Return `silent_hours` as a length of time."""
        return dt.timedelta(hours=self.silent_hours)


@dataclass(frozen=True)
class Intake:
    """What became of one file, or of one list: rows read, and how many were refused, by reason."""

    name: str
    rows: int
    refused: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_refused_whole(self) -> bool:
        """Tell whether there were rows and each was refused."""
        return 0 < self.rows <= sum(self.refused.values())

    def alarm(self, limits: Limits) -> str:
        """Say what is wrong if too large a share was refused; '' = it was not."""
        refused = sum(self.refused.values())
        if refused * 100 <= limits.refused_percent * self.rows:
            return ""
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(self.refused.items()))
        return (
            f"{self.name}: {refused} of {self.rows} rows were refused ({reasons}), more than "
            f"{limits.refused_percent:g} percent"
        )


def by_reason(intakes: Iterable[Intake]) -> dict[str, int]:
    """Return how many rows were refused, by reason, over several files."""
    total: Counter[str] = Counter()
    for intake in intakes:
        total.update(intake.refused)
    return dict(sorted(total.items()))


def rows_of(counts: Mapping[str, int], refused: Mapping[str, int], skipped: Mapping[str, str]) -> list[Row]:
    """Return the table: the counts, the refused rows by reason, and each skipped file with its reason."""
    return [
        *counts.items(),
        *((f"refused: {reason}", number) for reason, number in refused.items()),
        *((f"skipped: {name} ({reason})", 1) for name, reason in sorted(skipped.items())),
    ]


def table(rows: Sequence[Row]) -> str:
    """Return the table as text for a log, one line per row."""
    width = max((len(str(number)) for _, number in rows), default=0)
    return "\n".join(f"{number:>{width}}  {what}" for what, number in rows)


def require_none(alarms: Sequence[str]) -> None:
    """Raise if there are alarms.

    Raises:
        IntakeAlarm: all of them, in one line. What was good is taken in.
    """
    if alarms:
        raise IntakeAlarm("; ".join(alarms))
