"""How a test makes the provider misbehave: the seam between a valid request and its answer.

A `Faults` holds a fixed delay and a list of `Fault`s. Each request draws once from the seed and its own
number, so the same run misbehaves at the same requests. A fault with `accepted` true happens after the
mail was taken in (the client cannot know), otherwise the mail is not taken.
"""

import random
from dataclasses import asdict, dataclass, field
from typing import Any

IN_MID_BODY = ("reset_body", "stall_body")
"""Strike while the request is still being read, so what they befall is never taken."""
ANSWERS = ("status", "drop", "reset", "hang", "half_close", "cut_answer", "not_http", *IN_MID_BODY)


class FaultError(ValueError):
    """A fault was described wrongly; the message says which part."""


@dataclass
class Fault:
    """One way to fail.

    answer: `status` answers `status`; `drop` closes the connection without a word, `reset` with a TCP
    reset; `hang` says nothing until the client gives up or `seconds` are over, then closes; `half_close`
    ends our side alone and says nothing; `cut_answer` resets in the middle of the answer; `not_http`
    answers bytes of no protocol; `reset_body` resets when half of the request has come; `stall_body` reads
    no further for `seconds`, then closes.
    share: part of the requests, 0 to 1. times: only so many requests, then never again (None: no end).
    body: `json` (SendGrid's form), `empty` or `garbage`. rate_headers: send X-RateLimit-* with it, and
    rate_reset_seconds says how far off X-RateLimit-Reset is (None: the end of the window).
    recipient: the error names this place in the request, from 0 (None: it names no recipient).
    """

    answer: str
    share: float = 1.0
    accepted: bool = False
    status: int = 503
    times: int | None = None
    body: str = "json"
    rate_headers: bool = True
    seconds: float = 600.0
    rate_reset_seconds: float | None = None
    recipient: int | None = None

    def __post_init__(self) -> None:
        if self.answer not in ANSWERS:
            raise FaultError(f"fault answer must be one of {', '.join(ANSWERS)}, not {self.answer!r}")
        if self.accepted and self.answer in IN_MID_BODY:
            raise FaultError(f"fault {self.answer} ends a request that was not read whole: it cannot be accepted")
        if not 0 <= self.share <= 1:
            raise FaultError(f"fault share must lie between 0 and 1, not {self.share}")
        if not 200 <= self.status <= 599:
            raise FaultError(f"fault status must lie between 200 and 599, not {self.status}")
        if self.body not in ("json", "empty", "garbage"):
            raise FaultError(f"fault body must be json, empty or garbage, not {self.body!r}")


@dataclass
class Faults:
    """All faults in force; `delay_ms` holds back every answer of mail/send, good or bad."""

    delay_ms: float = 0.0
    faults: list[Fault] = field(default_factory=list)

    def choose(self, seed: int, request_number: int) -> Fault | None:
        """Return the fault that befalls this request, or None."""
        draw = random.Random(f"{seed}/{request_number}/fault").random()
        for fault in self.faults:
            if fault.times == 0:
                continue
            if draw < fault.share:
                if fault.times is not None:
                    fault.times -= 1
                return fault
            draw -= fault.share
        return None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read_faults(given: Any) -> Faults:
    """Build Faults from parsed JSON: {"delay_ms": 30, "faults": [{"answer": "status", "status": 503, …}]}.

    Raises: FaultError for anything that is not such an object.
    """
    if not isinstance(given, dict) or not given.keys() <= {"delay_ms", "faults"}:
        raise FaultError("faults must be an object with delay_ms and faults")
    try:
        faults = [Fault(**one) for one in given.get("faults", [])]
        return Faults(float(given.get("delay_ms", 0)), faults)
    except TypeError as error:
        raise FaultError(f"a fault has an unknown or ill-typed property: {error}") from error


def fault_from_text(text: str) -> Fault:
    """Read the command line's form: `status=503:0.1`, `accepted-status=500:0.05`, `accepted-drop:0.01`.

    Raises: FaultError.
    """
    name, _, share = text.partition(":")
    answer, _, status = name.removeprefix("accepted-").partition("=")
    try:
        return Fault(
            answer,
            share=float(share or 1),
            accepted=name.startswith("accepted-"),
            status=int(status or 503),
        )
    except ValueError as error:
        raise FaultError(f"cannot read the fault {text!r}: {error}") from error
