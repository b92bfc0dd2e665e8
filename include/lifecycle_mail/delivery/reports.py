"""What one run of a delivery did, in mails."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lifecycle_mail.delivery.recording import Recorded
from lifecycle_mail.messages.doubt import MEANINGS, SettledDoubt


@dataclass
class DeliveryReport:
    """What one run did, in mails; `stopped` says which campaigns had to wait, and why.

    `abandoned` and `waiting` count mails in doubt by topic and reason. `abandoned` are those that ended without
    evidence, `waiting` those that stay in doubt although their hours are over.
    """

    requests: int = 0
    accepted: int = 0
    rejected: int = 0
    returned: int = 0
    in_doubt: int = 0
    postponed: int = 0
    expired_claims: int = 0
    settled_by_policy: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    abandoned: Counter[tuple[str, str]] = field(default_factory=Counter)
    waiting: Counter[tuple[str, str]] = field(default_factory=Counter)
    stopped: set[str] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        """Return the numbers alone: safe for XCom and logs."""
        plain = {name: value for name, value in vars(self).items() if isinstance(value, int)}
        named = {f"ended:{reason}": mails for reason, mails in sorted(self.ended.items())}
        for what, counted in (("abandoned", self.abandoned), ("waiting", self.waiting)):
            named |= {f"{what}:{topic}:{reason}": mails for (topic, reason), mails in sorted(counted.items())}
        return {**plain, **named}

    def doubts(self) -> list[str]:
        """Return a sentence per topic and reason: which mails in doubt were abandoned, and which still wait."""
        return [
            f"topic '{topic}': {mails} mail(s) in doubt {what}, {reason}: {MEANINGS[reason]}"
            for what, counted in (("abandoned", self.abandoned), ("wait", self.waiting))
            for (topic, reason), mails in sorted(counted.items())
        ]

    def add(self, recorded: Recorded) -> None:
        """Count one recorded answer."""
        self.accepted += recorded.accepted
        self.rejected += recorded.rejected
        self.returned += recorded.returned
        self.in_doubt += recorded.in_doubt

    def add_doubt(self, topic: str, settled: SettledDoubt) -> None:
        """Count what a topic's policy did."""
        self.settled_by_policy += len(settled.again) + settled.abandoned.total()
        self.abandoned.update({(topic, reason): mails for reason, mails in settled.abandoned.items()})
        self.waiting.update({(topic, reason): mails for reason, mails in settled.waiting.items()})
