"""The list: who may be mailed at all, told again from everything that was ever said, moment by moment."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

from recompute.facts import Facts, latest

LATEST_IN_LIFE = {"none": 1, "pending": 2, "confirmed": 3}
STRONGEST_FIRST = ("complaint", "hard_bounce", "dropped", "unsubscribed", "sunset")
LEFT_BY = {"complaint": "complained", "hard_bounce": "bounced", "dropped": "bounced", "unsubscribed": "unsubscribed"}
OUR_POLICY = ("sunset", "erasure")
COMING = ("joined", "returned")
Movement = tuple[str, dt.date, str]


class MailingList:
    """Answers of one customer at one moment whether mail may go, and if not, why."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.customers = {row.customer_id: row for row in facts.rows("source.customer")}
        self.words = facts.rows("source.permission_change")
        self.words_of: dict[str, list[Any]] = defaultdict(list)
        self.words_at: dict[str | None, list[Any]] = defaultdict(list)
        for word in self.words:
            self.words_of[word.customer_id].append(word)
            self.words_at[word.address].append(word)
        self.rests = facts.rows("source.permission_rest")
        self.former = facts.rows("source.former_address")
        self.suppressions = [row for row in facts.rows("event.suppression") if not row.scope.startswith("topic:")]

    def moments(self) -> list[dt.datetime]:
        """Every moment up to now at which anything about anybody changed. What is dated ahead has not happened."""
        found = {word.permission_at for word in self.words}
        found |= {moment for rest in self.rests for moment in (rest.rested_at, rest.resumed_at)}
        found |= {moment for one in self.suppressions for moment in (one.suppressed_at, one.lifted_at)}
        found |= {customer.erased_at for customer in self.customers.values()}
        return sorted(moment for moment in found if moment is not None and moment <= self.facts.now)

    def why_not(self, who: str, at: dt.datetime) -> str | None:
        """The movement by which the customer is off the list just after a moment; None = on the list."""
        customer = self.customers[who]
        if customer.erased_at and customer.erased_at <= at:
            return "erased"
        reason = self._reason(customer, at)
        permission, origin = self._permission(who, at)
        if reason is not None:
            return LEFT_BY.get(reason, "sunset" if reason == "sunset" else "withdrawn")
        if permission == "confirmed" and not self._rests(who, at):
            return None
        return {"sunset": "sunset", "unsubscribe": "unsubscribed"}.get(origin or "", "withdrawn")

    def _reason(self, customer: Any, at: dt.datetime) -> str | None:
        """The strongest reason for which the present mailbox gets no mail."""
        reasons = {
            one.reason
            for one in self.suppressions
            if one.address == customer.address
            and one.suppressed_at <= at
            and (one.lifted_at is None or one.lifted_at > at)
        }
        if any(self._binds(word, customer, at) for word in self.words_at[customer.address]):
            reasons.add("unsubscribed")
        known = [reason for reason in STRONGEST_FIRST if reason in reasons]
        return known[0] if known else min(reasons, default=None)

    def _binds(self, word: Any, customer: Any, at: dt.datetime) -> bool:
        """Whether another customer's withdrawal stands at the customer's mailbox. A later yes of a person there takes
        it back; one of the feed is taken back by a later yes of the feed for the same customer too."""
        if (
            word.permission != "withdrawn"
            or word.origin in OUR_POLICY
            or word.address is None
            or word.customer_id == customer.customer_id
            or word.permission_at > at
        ):
            return False
        later = [one for one in self.words_at[word.address] if word.permission_at < one.permission_at <= at]
        if any(one.permission in ("confirmed", "lifted") and one.origin != "feed" for one in later):
            return False
        return word.origin != "feed" or not any(
            one.permission == "confirmed" and one.origin == "feed" and word.permission_at < one.permission_at <= at
            for one in self.words_of[word.customer_id]
        )

    def _permission(self, who: str, at: dt.datetime) -> tuple[str | None, str | None]:
        """What stands in the log for a customer: a withdrawal until it is taken back, else the newest word."""
        said = [word for word in self.words_of[who] if word.permission_at <= at]
        noes = [word for word in said if word.permission == "withdrawn" and self._stands(word, said, at)]
        if noes:
            first = min(noes, key=lambda word: word.permission_at)
            return "withdrawn", first.origin
        others = [word for word in said if word.permission in LATEST_IN_LIFE]
        if not others:
            return None, None
        newest = max(others, key=lambda word: (word.permission_at, LATEST_IN_LIFE[word.permission]))
        return newest.permission, newest.origin

    def _stands(self, no: Any, said: list[Any], at: dt.datetime) -> bool:
        own_yes = latest(*(w.permission_at for w in said if w.permission == "confirmed" and w.origin != "feed"))
        if own_yes and own_yes > no.permission_at:
            return False
        lifts = [w for w in said if w.permission == "lifted" and w.address == no.address and w.address is not None]
        if no.origin != "erasure" and any(lift.permission_at > no.permission_at for lift in lifts):
            return False
        feed = latest(*(w.permission_at for w in said if w.permission != "withdrawn" and w.origin == "feed"))
        if no.origin == "feed" and feed and feed > no.permission_at:
            return False
        return no.origin in OUR_POLICY or not any(
            other.customer_id != no.customer_id
            and other.address is not None
            and other.permission == "confirmed"
            and other.origin != "feed"
            and no.permission_at < other.permission_at <= at
            and self._holds(no.customer_id, other.address, other.permission_at)
            for other in self.words_at[no.address]
        )

    def _holds(self, who: str, address: str, at: dt.datetime) -> bool:
        """Whether a customer held a mailbox at a moment."""
        left_later = [one for one in self.former if one.customer_id == who and one.replaced_at > at]
        customer = self.customers.get(who)
        if customer is not None and customer.address == address and not left_later:
            return True
        return any(
            one.address == address and (one.held_from is None or one.held_from <= at) for one in left_later
        )

    def _rests(self, who: str, at: dt.datetime) -> bool:
        return any(
            rest.customer_id == who
            and rest.rested_at <= at
            and (rest.resumed_at is None or rest.resumed_at > at)
            and not any(
                word.permission == "confirmed"
                and word.origin != "feed"
                and rest.rested_at <= word.permission_at <= at
                for word in self.words_of[who]
            )
            for rest in self.rests
        )


def movements(facts: Facts, counted: set[Movement]) -> set[Movement]:
    """Return who came and went on which day.

    `counted` is what kpi.list_movement holds. It is read for erased people alone: what was counted of them stays,
    because the address that tied it together is gone.
    """
    listed = MailingList(facts)
    moments = listed.moments()
    found: set[Movement] = set()
    for who, customer in listed.customers.items():
        before = {one for one in counted if one[0] == who and one[2] != "erased"}
        if customer.erased_at and before:
            found |= before
            if sum(1 if movement in COMING else -1 for _, _, movement in before) > 0:
                found.add((who, facts.day(customer.erased_at), "erased"))  # type: ignore[arg-type]
        else:
            found |= _of_one(listed, who, moments)
    return found


def _of_one(listed: MailingList, who: str, moments: list[dt.datetime]) -> set[Movement]:
    """At most one coming and one leave per day: the net one of several turns, or one of each if they cancel out."""
    is_on, turns = False, defaultdict(list)
    for at in moments:
        why_not = listed.why_not(who, at)
        if (why_not is None) != is_on:
            is_on = why_not is None
            turns[listed.facts.day(at)].append(why_not)
    found: set[Movement] = set()
    for day, causes in turns.items():
        leaves = [cause for cause in causes if cause is not None]
        net = len(causes) - 2 * len(leaves)
        if net >= 0:
            found.add((who, day, "joined" if day == min(turns) else "returned"))  # type: ignore[arg-type, type-var]
        if net <= 0:
            found.add((who, day, leaves[-1]))  # type: ignore[arg-type]
    return found
