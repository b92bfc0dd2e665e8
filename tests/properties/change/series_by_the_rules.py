"""What becomes of series while their campaign file changes, told in plain Python from the rules in words.

A series keeps its steps by name. Hours are hours after noon of the first day.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

Steps = dict[str, float]
Shares = dict[str, float]


@dataclass(frozen=True)
class File:
    """A campaign file: hours and arms of its steps."""

    steps: Steps
    shares: Shares

    @property
    def in_order(self) -> list[str]:
        return sorted(self.steps, key=lambda step: (self.steps[step], step))


@dataclass(frozen=True)
class Person:
    """A customer whose cart is abandoned from `cart` on, and who orders at `order`, if at all."""

    name: str
    cart: float
    order: float | None


@dataclass
class Noted:
    """A step that came due for a series: its arm, and the decision and the mail, once there are any."""

    arm: str
    refusal: str | None = None
    reason: str | None = None
    mail: tuple[str, str | None] | None = None


@dataclass
class Series:
    """One person in the campaign."""

    person: Person
    enrolled_at: float
    is_holdout: bool
    had: set[str]
    end: str | None = None
    awaits: bool = False
    noted: dict[str, Noted] = field(default_factory=dict)


def ratio(key: str) -> float:
    """Where a key falls between 0 and 1."""
    return int(hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()[:8], 16) / 2**32


@dataclass
class World:
    """All series of one campaign, and what its last run knew."""

    people: tuple[Person, ...]
    first_name: str
    holdout: float
    series: dict[str, Series] = field(default_factory=dict)
    agreed: Steps | None = None
    noticed_until: float = float("-inf")

    def run(self, file: File, now: float, parts: int) -> None:
        """Plan: the first `parts` of enrolling, advancing, deciding and writing; then the run dies."""
        for part in (self._enroll, self._advance, self._decide, self._write)[:parts]:
            part(file, now)
        if parts == 4:  # what was planned is taken by the provider
            for one in self._all_noted():
                if one.mail == ("planned", None):
                    one.mail = ("accepted", None)

    def _all_noted(self) -> list[Noted]:
        return [noted for series in self.series.values() for noted in series.noted.values()]

    def _arm(self, file: File | None, step: str, person: Person) -> str:
        if file is None or not file.shares:
            return "default"
        share, reached = ratio(f"variant/{self.first_name}/{step}/{person.name}"), 0.0
        for arm, part in file.shares.items():
            reached += part
            if share < reached:
                return arm
        return list(file.shares)[-1]

    def _note(self, series: Series, file: File | None, step: str, refusal: str | None = None) -> None:
        if step not in series.noted:
            series.noted[step] = Noted(self._arm(file, step, series.person), refusal)

    def _follow(self, file: File) -> None:
        """New or moved steps that a series is past are not for it; whatever the file has, the series had."""
        changed = {step for step, at in file.steps.items() if (self.agreed or file.steps).get(step) != at}
        if self.agreed is not None and self.agreed != file.steps:
            for series in self.series.values():
                if series.end is None:
                    for step in changed:
                        if series.enrolled_at + file.steps[step] <= self.noticed_until:
                            self._note(series, file, step, "added_later")
                    series.awaits |= bool(set(file.steps) - set(series.noted))
        if self.agreed != file.steps:
            for series in self.series.values():
                if series.end is None or series.awaits:
                    series.had |= set(file.steps)
        self.agreed = dict(file.steps)

    def _exit(self, now: float) -> None:
        for series in self.series.values():
            if series.end is None and series.person.order is not None and series.person.order <= now:
                series.end = "converted"

    def _enroll(self, file: File, now: float) -> None:
        self._follow(file)
        self._exit(now)
        for series in self.series.values():
            if series.end is None and not series.awaits and all(_is_through(one) for one in series.noted.values()):
                series.end = "completed"
        for person in self.people:
            ordered = person.order is not None and person.order <= now
            if person.name not in self.series and person.cart <= now and not ordered:
                is_holdout = ratio(f"holdout/{self.first_name}/{person.name}") < self.holdout
                begun = Series(person, now, is_holdout, set(file.steps), awaits=any(file.steps.values()))
                self.series[person.name] = begun
                for step, at in file.steps.items():
                    if at == 0:
                        self._note(begun, file, step)

    def _advance(self, file: File, now: float) -> None:
        self._follow(file)
        self._exit(now)
        self._notice(file, file.steps, now)
        self.noticed_until = max(self.noticed_until, now)

    def _notice(self, file: File | None, steps: Steps, now: float) -> None:
        for series in self.series.values():
            if not series.awaits:
                continue
            for step, at in steps.items():
                if series.end is not None or series.enrolled_at + at <= now:
                    self._note(series, file, step)
            if not set(steps) - set(series.noted):
                for step in series.had - set(series.noted):
                    self._note(series, None, step, "step_gone")
                series.awaits = False

    def _decide(self, file: File, now: float) -> None:
        for series in self.series.values():
            for step, one in series.noted.items():
                if one.reason is None:
                    gone = None if step in file.steps else "step_gone"
                    held = "held_out" if series.is_holdout else "eligible"
                    one.reason = series.end or one.refusal or gone or held

    def _write(self, file: File, now: float) -> None:
        for series in self.series.values():
            for step, one in series.noted.items():
                if one.reason == "eligible" and one.mail is None:
                    if step not in file.steps:
                        one.mail = ("cancelled", "step_gone")
                    elif one.arm not in (file.shares or {"default": 1.0}):
                        one.mail = ("cancelled", "variant_gone")
                    else:
                        one.mail = ("planned", None)

    def retire(self, file: File, now: float) -> None:
        """End everything that runs; every step left gets its series' reason."""
        for series in self.series.values():
            series.end = series.end or "campaign_retired"
        self._notice(file, self.agreed or {}, now)
        for series in self.series.values():
            for one in series.noted.values():
                one.reason = one.reason or series.end
                if one.reason == "eligible" and one.mail is None:
                    one.mail = ("cancelled", "campaign_retired")


def _is_through(noted: Noted) -> bool:
    return noted.reason is not None and (noted.reason != "eligible" or noted.mail is not None)
