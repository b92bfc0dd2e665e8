"""What a load says of itself: counts by feed, refusals by reason, and what of it is an alarm.

Stage 1 of the path. No row and no value is set aside without being counted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lifecycle_mail.intake import Intake, Limits, Row
from lifecycle_mail.sources.references import Waiting

# Rows that are set aside for good reasons: a later row has the same key, or the person was erased.
LET_GO = frozenset({"duplicate_key", "erased"})


@dataclass(frozen=True)
class FeedCounts:
    """Rows of one feed in one load.

    read; loaded: rows that keep the contract; changed: loaded rows that were written because they are new or different;
    rejected: rows set aside, whether or not an earlier load set them aside too (a file refused as a whole counts as
    one); unread_values: values that could not be read, of rows that were loaded without them. `reasons`: the rows set
    aside, by reason; `left_out`: the values, by reason and column.
    """

    read: int = 0
    loaded: int = 0
    changed: int = 0
    rejected: int = 0
    unread_values: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict, compare=False)
    left_out: Mapping[tuple[str, str], int] = field(default_factory=dict, compare=False)

    def __add__(self, other: FeedCounts) -> FeedCounts:
        return FeedCounts(
            self.read + other.read, self.loaded + other.loaded,
            self.changed + other.changed, self.rejected + other.rejected,
            self.unread_values + other.unread_values,
            Counter(self.reasons) + Counter(other.reasons), Counter(self.left_out) + Counter(other.left_out),
        )  # fmt: skip

    def numbers(self) -> dict[str, int]:
        """Return the numbers alone, as source.load.counts keeps them."""
        return {
            "read": self.read, "loaded": self.loaded, "changed": self.changed, "rejected": self.rejected,
            "unread_values": self.unread_values,
        }  # fmt: skip

    def lines(self) -> list[Row]:
        """Return the counts, then the rows that were set aside by reason, then the values by reason and column."""
        left_out = sorted(self.left_out.items())
        return [
            ("loaded", self.loaded),
            *((f"refused: {reason}", number) for reason, number in sorted(self.reasons.items())),
            *((f"left out of their rows: {column} ({reason})", number) for (reason, column), number in left_out),
        ]


@dataclass(frozen=True)
class LoadReport:
    """What one load did: its id, counts by feed (a feed without a file is absent), the files refused as a whole
    (file name → named reason), warnings for the operator, what became of each file that was read, why the refused files
    were refused (file name → words), and which of its rows name what no feed has brought."""

    load_id: int
    feeds: dict[str, FeedCounts]
    refused_files: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    intakes: tuple[Intake, ...] = ()
    explained: Mapping[str, str] = field(default_factory=dict)
    waiting: tuple[Waiting, ...] = ()

    @property
    def loaded(self) -> dict[str, int]:
        """Rows that keep the contract, by feed."""
        return {feed: counts.loaded for feed, counts in self.feeds.items()}

    @property
    def rejected(self) -> dict[str, int]:
        """Rows that were set aside, by feed."""
        return {feed: counts.rejected for feed, counts in self.feeds.items()}

    def counts(self) -> dict[str, int]:
        """Return every number in one flat dict, as customers_loaded, customers_rejected…: safe for XCom and logs."""
        loaded = {f"{feed}_loaded": rows for feed, rows in self.loaded.items()}
        rejected = {f"{feed}_rejected": rows for feed, rows in self.rejected.items()}
        unread = {f"{feed}_unread_values": counts.unread_values for feed, counts in self.feeds.items()}
        waiting = {f"{one.feed}_without_{one.names}": one.rows for one in self.waiting}
        return {**loaded, **rejected, **unread, **waiting, "refused_files": len(self.refused_files)}

    def rows(self) -> list[Row]:
        """Return the table of the load: of each feed what was loaded, and what was not, by reason."""
        found = sorted(self.feeds.items())
        return [(f"{feed}: {what}", number) for feed, counts in found for what, number in counts.lines()]

    def alarms(self, limits: Limits) -> list[str]:
        """Say which files were refused, and which files had too large a share of refused rows."""
        shares = [alarm for one in self.intakes if (alarm := _wrong(one).alarm(limits))]
        return [*self._refusals(), *shares]

    def unreadable(self) -> list[str]:
        """Say which files gave nothing: they were refused as a whole, or each row of them was."""
        barren = [one for one in map(_wrong, self.intakes) if one.is_refused_whole]
        return [
            *self._refusals(),
            *(f"{one.name}: no row could be read ({', '.join(sorted(one.refused))})" for one in barren),
        ]

    def _refusals(self) -> list[str]:
        return [
            f"{name} was refused: {reason} ({self.explained.get(name, '')})"
            for name, reason in sorted(self.refused_files.items())
        ]


def _wrong(intake: Intake) -> Intake:
    """Return the intake without the rows that were set aside for good reasons."""
    refused = {reason: number for reason, number in intake.refused.items() if reason not in LET_GO}
    return replace(intake, refused=refused)
