"""Requests: a marketer's rules wait for a decision, and run from the next refresh after it is `approved`.

Last part of the stage. Each version of a segment is kept with who asked for it, who decided, and why. A file of the
repository with the same name takes precedence over a request (`registry`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml
from sqlalchemy.engine import Connection, Engine

from lifecycle_mail.database import lock, run
from lifecycle_mail.errors import SegmentError
from lifecycle_mail.segments.registry import definition, in_files, learn, rules_file
from lifecycle_mail.segments.rules import InSegment, RuleSegment, leaves, parse_rules, read_rules

WAITING = "waiting"


@dataclass(frozen=True)
class Request:
    """One version of a segment that was asked for.

    `state`: waiting, approved, superseded (a later version is approved), rejected, replaced or retired.
    """

    segment: str
    version: int
    text: str
    md5: str
    note: str | None
    requested_at: dt.datetime
    requested_by: str
    state: str
    decided_at: dt.datetime | None
    decided_by: str | None
    reason: str | None

    @property
    def rules(self) -> RuleSegment:
        """The rules.

        Raises:
            SegmentError: they use a word that this version of the product does not have.
        """
        return parse_rules(self.text, f"{self.segment}.yaml")


def ask_for(engine: Engine, text: str, by: str, now: dt.datetime, note: str | None = None) -> Request:
    """Ask for the segment in the YAML `text`. It replaces a version that still waits.

    The same rules again, while they wait or run, ask for nothing new: the version that is there is returned.

    Raises:
        SegmentError: the rules are wrong, or the repository has a file of that name.
    """
    rules = parse_rules(text)
    _require_other_segments(rules)
    if in_files(rules.segment):
        raise SegmentError(
            f"segment {rules.segment} is a file of the repository: change that file, or choose another name"
        )
    with engine.begin() as connection:
        lock(connection, _lock_name(rules.segment))
        known = requests_of(connection, rules.segment)
        same = [one for one in known if one.state in (WAITING, "approved") and one.md5 == rules_md5(rules)]
        if same and same[0] is _newest(known):
            return same[0]
        run(connection, "segments/replace_waiting", segment=rules.segment, now=now, requested_by=by)
        run(
            connection, "segments/insert_request",
            segment=rules.segment, rules=text, rules_md5=rules_md5(rules), note=note, requested_by=by, now=now,
        )  # fmt: skip
        return requests_of(connection, rules.segment)[0]


def requests_of(connection: Connection, segment: str | None = None) -> list[Request]:
    """Return the requests of one segment, or of all, by name and the newest version first."""
    found = run(connection, "segments/requests", segment=segment).mappings()
    return [_request(row) for row in found]


def waiting(connection: Connection, segment: str, version: int | None = None) -> Request:
    """Return the version of a segment that waits.

    Raises:
        SegmentError: none waits, or it is not `version`.
    """
    found = [one for one in requests_of(connection, segment) if one.state == WAITING]
    if not found:
        raise SegmentError(f"no request of segment {segment!r} waits for a decision: see `segment requests`")
    if version is not None and found[0].version != version:
        raise SegmentError(
            f"segment {segment}: version {found[0].version} waits, not {version}: look at its preview first"
        )
    return found[0]


def decide(
    engine: Engine,
    segment: str,
    by: str,
    now: dt.datetime,
    *,
    is_approved: bool,
    reason: str | None = None,
    version: int | None = None,
    needs_another: bool = False,
) -> Request:
    """Approve or reject the version that waits; an approved one runs from the next refresh on.

    Raises:
        SegmentError: none waits; another version waits than `version`; or `needs_another`, and its requester approves.
    """
    with engine.begin() as connection:
        lock(connection, _lock_name(segment))
        found = waiting(connection, segment, version)
        if is_approved and needs_another and by == found.requested_by:
            raise SegmentError(
                f"segment {segment}: {by} asked for it, and may not approve it alone: ask another person"
            )
        decision = "approved" if is_approved else "rejected"
        run(
            connection, "segments/decide_request",
            segment=segment, version=found.version, decision=decision, decided_by=by, reason=reason, now=now,
        )  # fmt: skip
        learn(_approved(connection))
        return requests_of(connection, segment)[0]


def keep_preview(engine: Engine, asked: Request, preview: str) -> None:
    """Keep what the approver is shown of a version that waits; it goes with the decision."""
    with engine.begin() as connection:
        run(connection, "segments/keep_preview", segment=asked.segment, version=asked.version, preview=preview)


def shown_preview(connection: Connection, segment: str, version: int) -> str:
    """Return what the approver of a version is shown; empty once it is decided."""
    kept = run(connection, "segments/shown_preview", segment=segment, version=version).scalar_one_or_none()
    return kept or ""


def keep_replay(engine: Engine, segment: str, version: int, points: Iterable[Mapping[str, Any]]) -> None:
    """Keep the days of a replay; each is a mapping of the columns of segment.replay_daily from `at` on."""
    with engine.begin() as connection:
        for point in points:
            run(connection, "segments/write_replay", segment=segment, version=version, **point)


def retire(engine: Engine, segment: str, by: str, now: dt.datetime, because: str) -> int:
    """Retire a segment: it is not computed any more, and its members leave it now. Return how many there were.

    Raises:
        SegmentError: no version of it runs.
    """
    with engine.begin() as connection:
        lock(connection, _lock_name(segment))
        retired = run(
            connection, "segments/retire_request", segment=segment, retired_by=by, because=because, now=now
        ).rowcount
        if not retired:
            raise SegmentError(f"no approved segment is called {segment!r}: see `segment requests`")
        ended = run(connection, "segments/end_stays", segment=segment, now=now).rowcount
        learn(_approved(connection))
        return ended


def learn_approved(engine: Engine) -> None:
    """Make the registry know the rules that run."""
    with engine.connect() as connection:
        learn(_approved(connection))


def export(connection: Connection, segment: str, folder: Path | None = None) -> Path:
    """Write the newest approved rules of a segment to a file of `folder`, which reads as the same rules.

    The default is the folder of the repository.

    Raises:
        SegmentError: no version of it runs, or the file is there with other rules.
    """
    found = _approved(connection).get(segment)
    if not isinstance(found, RuleSegment):
        raise found or SegmentError(f"no approved segment is called {segment!r}: see `segment requests`")
    path = folder / f"{segment}.yaml" if folder else rules_file(segment)
    if path.exists() and read_rules(path) != found:
        raise SegmentError(f"{path} has other rules: take it away, or ask for those rules")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(rules_yaml(found), encoding="utf-8")
    return path


def rules_yaml(rules: RuleSegment) -> str:
    """Return the rules as YAML that reads as the same rules. Texts that YAML takes for something else are quoted."""
    plain = rules.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)


def rules_md5(rules: RuleSegment) -> str:
    """Return the checksum of what the rules say, however they are written."""
    plain = rules.model_dump(mode="json", by_alias=True, exclude_none=True)
    return hashlib.md5(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS), usedforsecurity=False).hexdigest()


def asked_by(segment: str, others: Sequence[RuleSegment]) -> list[str]:
    """Return the names of the segments among `others` whose rules ask for `segment`."""
    return [one.segment for one in others if segment in _asked(one)]


def _asked(rules: RuleSegment) -> set[str]:
    return {one.segment for one in leaves(rules.rules) if isinstance(one, InSegment)}


def _require_other_segments(rules: RuleSegment) -> None:
    for one in leaves(rules.rules):
        if isinstance(one, InSegment):
            definition(one.segment).values(dict(one.parameters))


def _approved(connection: Connection) -> dict[str, RuleSegment | SegmentError]:
    """Return the rules that run, and the errors of those that this version of the product cannot read."""
    return {row.segment: _readable(row.segment, row.rules) for row in run(connection, "segments/approved_rules")}


def _readable(segment: str, text: str) -> RuleSegment | SegmentError:
    try:
        return parse_rules(text, f"{segment}.yaml")
    except SegmentError as error:
        return SegmentError(f"segment {segment}, as it was approved, cannot be read: {error}; ask for it again")


def _newest(known: list[Request]) -> Request:
    return next(one for one in known if one.state != "replaced")


def _request(row: Any) -> Request:
    return Request(
        segment=row["segment"],
        version=row["version"],
        text=row["rules"],
        md5=row["rules_md5"],
        note=row["note"],
        requested_at=row["requested_at"],
        requested_by=row["requested_by"],
        state=row["state"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        reason=row["reason"],
    )


def _lock_name(segment: str) -> str:
    return f"segment_request:{segment}"
