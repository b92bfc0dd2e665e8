"""Who does what with a mail: a pure function of the seed and the message, never of a clock or of order.

Third stop: after a request is accepted, `plan` writes down everything that will happen to one recipient
as a list of moments with their distance from acceptance. The event builder and the outbox page both
read the same plan, so nothing about behaviour has to be stored.

A test forces one recipient's behaviour by the first word of the local part, before a plus sign:

    bounce+1@example.com      hard bounce                  deliver+… delivered, then nothing
    block+…                   soft bounce (type blocked)   open+…    opened by a human
    expire+…                  deferred until it expires    machine+… opened by a machine only
    drop+…                    dropped as invalid           click+…   opened and clicked
    defer+…                   deferred twice, delivered    unsubscribe+… / group_unsubscribe+…
    async_bounce+…            delivered, bounced later     complain+… spam report
    mute+…                    accepted, and no event ever
"""

import hashlib
import math
import struct
from dataclasses import dataclass, fields
from typing import NamedTuple

MINUTE = 60.0
HOUR = 3600.0
LONGEST_DELAY_SECONDS = 4 * HOUR

FORCED = frozenset({
    "bounce", "block", "expire", "drop", "defer", "async_bounce", "deliver", "open", "machine", "click",
    "unsubscribe", "group_unsubscribe", "complain", "mute",
})  # fmt: skip


OF_PEOPLE = frozenset({"open", "click", "unsubscribe", "group_unsubscribe", "spamreport"})


@dataclass(frozen=True)
class Rates:
    """Shares between 0 and 1 of what recipients do; the defaults stand near the guides' benchmarks.

    `drop`, `bounce`, `block`, `expire` and `defer` are shares of the accepted, all others of the delivered.
    `click` is the share of all delivered (so `click / open` of the openers click). `async_bounce` is the
    share of hard bounces that arrive late, after a `delivered`, without sg_message_id.
    """

    drop: float = 0.0005
    bounce: float = 0.0030
    block: float = 0.0012
    expire: float = 0.0002
    defer: float = 0.02
    async_bounce: float = 0.1
    open: float = 0.20
    machine_open: float = 0.15
    click: float = 0.03
    second_open: float = 0.05
    unsubscribe: float = 0.0001
    group_unsubscribe: float = 0.0003
    complain: float = 0.0004

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= getattr(self, field.name) <= 1:
                raise ValueError(f"rate {field.name} must lie between 0 and 1, not {getattr(self, field.name)}")
        if self.drop + self.bounce + self.block + self.expire + self.defer > 1:
            raise ValueError("rates drop, bounce, block, expire and defer together must not pass 1")


class Moment(NamedTuple):
    """One thing that happens, its seconds after acceptance, and a number that tells repeats apart."""

    after_seconds: float
    kind: str
    number: int = 0


class Draws:
    """Twelve independent numbers in [0, 1) for one message: the same seed and key give the same numbers."""

    __slots__ = ("values",)

    NAMES = (
        "fate", "open", "machine", "click", "second_open", "leave", "complain", "late", "speed", "wait",
        "choice", "post",
    )  # fmt: skip

    def __init__(self, seed: int, key: str) -> None:
        digest = hashlib.blake2b(f"{seed}|{key}".encode(), digest_size=48).digest()
        self.values = [number / 2**32 for number in struct.unpack("<12I", digest)]

    def __getitem__(self, name: str) -> float:
        return self.values[_PLACE[name]]


_PLACE = {name: place for place, name in enumerate(Draws.NAMES)}


def plan(seed: int, key: str, address: str, rates: Rates, has_group: bool, suppressed: bool = False) -> list[Moment]:
    """Return what happens to one accepted recipient, in the order of time.

    `has_group` says whether the mail names an unsubscribe group: without one every unsubscribe is global.
    A suppressed recipient is dropped at once, whatever the draws say.
    """
    draws = Draws(seed, key)
    if suppressed:
        return [Moment(0.3 + draws["speed"], "dropped")]
    forced = _forced(address)
    if forced == "mute":
        return []
    fate = forced if forced in ("drop", "bounce", "block", "expire", "defer", "async_bounce") else None
    if forced is not None and fate is None:
        fate = "deliver"
    moments = _transport(draws, fate or _drawn_fate(draws, rates))
    if moments[-1].kind == "delivered" and fate != "async_bounce":
        moments += _engagement(draws, rates, forced, has_group, moments[-1].after_seconds)
    return sorted(moments)


def _forced(address: str) -> str | None:
    word, plus, _ = address.partition("@")[0].lower().partition("+")
    return word if plus and word in FORCED else None


def _drawn_fate(draws: Draws, rates: Rates) -> str:
    rest = draws["fate"]
    for name in ("drop", "bounce", "block", "expire", "defer"):
        share = getattr(rates, name)
        if rest < share:
            late = name == "bounce" and draws["late"] < rates.async_bounce
            return "async_bounce" if late else name
        rest -= share
    return "deliver"


def _transport(draws: Draws, fate: str) -> list[Moment]:
    """From processed to the mailbox, or to where the mail ends instead."""
    start = 0.2 + draws["speed"]
    arrival = start + 1 + 8 * draws["wait"]
    if fate == "drop":
        return [Moment(start, "dropped")]
    moments = [Moment(start, "processed")]
    if fate in ("bounce", "block"):
        return [*moments, Moment(arrival, fate)]
    if fate in ("defer", "expire"):
        tries = 2 if fate == "defer" else 4
        moments += [Moment(arrival + 10 * MINUTE * n, "deferred", n) for n in range(tries)]
        arrival += 10 * MINUTE * tries
    if fate == "expire":
        return [*moments, Moment(arrival, "expire")]
    moments.append(Moment(arrival, "delivered"))
    if fate == "async_bounce":
        moments.append(Moment(arrival + 20 * MINUTE, "async_bounce"))
    return moments


def _engagement(draws: Draws, rates: Rates, forced: str | None, has_group: bool, delivered: float) -> list[Moment]:
    """What a person, or a machine in their name, does with a delivered mail."""
    if forced in ("deliver", "defer"):
        return []
    moments = []
    if forced == "machine" or (forced is None and draws["machine"] < rates.machine_open):
        moments.append(Moment(delivered + 2 + 60 * draws["wait"], "machine_open"))
    opens = forced is None and draws["open"] < max(rates.open, rates.click)
    seen = delivered + _hours_until(draws["speed"])
    if opens or forced in ("open", "click"):
        moments += _reading(draws, rates, forced, seen)
    return moments + _leaving(draws, rates, forced, has_group, seen + 2 * MINUTE)


def _reading(draws: Draws, rates: Rates, forced: str | None, seen: float) -> list[Moment]:
    moments = [Moment(seen, "open")]
    readers = max(rates.open, rates.click)
    if forced == "click" or (forced is None and readers and draws["click"] < rates.click / readers):
        moments.append(Moment(seen + 20 + 40 * draws["wait"], "click"))
    if forced is None and draws["second_open"] < rates.second_open:
        moments.append(Moment(seen + HOUR / 2, "open", 1))
    return moments


def _leaving(draws: Draws, rates: Rates, forced: str | None, has_group: bool, when: float) -> list[Moment]:
    moments = []
    if forced is None:
        leave = draws["leave"]
        if leave < rates.unsubscribe + rates.group_unsubscribe:
            forced = "unsubscribe" if leave < rates.unsubscribe else "group_unsubscribe"
        if draws["complain"] < rates.complain:
            moments.append(Moment(when + 30, "spamreport"))
    if forced == "complain":
        moments.append(Moment(when + 30, "spamreport"))
    if forced == "group_unsubscribe" and has_group:
        moments.append(Moment(when, "group_unsubscribe"))
    elif forced in ("unsubscribe", "group_unsubscribe"):
        moments.append(Moment(when, "unsubscribe"))
    return moments


def _hours_until(draw: float) -> float:
    """Most people open in the first hour, the rest within LONGEST_DELAY_SECONDS."""
    return min(LONGEST_DELAY_SECONDS - HOUR, 30 - 0.7 * HOUR * math.log(1 - draw))
