"""What exists on the simulated account: suppressions, unsubscribe groups, batch ids, the rate window.

Events change it (a hard bounce is suppressed from then on), the suppression endpoints read and write it,
and accepting a mail asks it who is to be dropped.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any

LISTS = ("bounces", "blocks", "invalid_emails", "spam_reports", "unsubscribes")

_DROP_REASONS = {
    "bounces": ("bypass_bounce_management", "Bounced Address"),
    "invalid_emails": (None, "Invalid"),
    "spam_reports": ("bypass_spam_management", "Spam Reporting Address"),
    "unsubscribes": ("bypass_unsubscribe_management", "Unsubscribed Address"),
}


@dataclass
class Group:
    """An unsubscribe group; `members` maps the lower-cased address to (address, created, unix seconds)."""

    id: int
    name: str
    description: str
    is_default: bool = False
    members: dict[str, tuple[str, int]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "is_default": self.is_default,
            "unsubscribes": len(self.members),
        }


class Account:
    """Suppression lists by name, groups by id, batch ids.

    With `groups` given, a mail that names another group is refused as SendGrid does; with none given any
    group a mail names comes into being, so that a demo needs no set-up.
    """

    def __init__(self, groups: dict[int, str]) -> None:
        self.strict_groups = bool(groups)
        self.groups = {number: Group(number, name[:30], name) for number, name in groups.items()}
        self.lists: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in LISTS}
        self.batches: set[str] = set()

    def suppress(self, list_name: str, address: str, created: float, **details: str) -> None:
        """Put an address on a list; `details` are reason, status or ip as the list has them."""
        row = {"created": int(created), "email": address, **details}
        self.lists[list_name].setdefault(address.lower(), row)

    def leave_group(self, group_id: int, address: str, created: float) -> None:
        self.group(group_id).members.setdefault(address.lower(), (address, int(created)))

    def group(self, group_id: int) -> Group:
        """Return the group, made on the spot where the account is not strict."""
        if group_id not in self.groups:
            self.groups[group_id] = Group(group_id, f"Group {group_id}", "Named by a mail")
        return self.groups[group_id]

    def add_group(self, name: str, description: str, is_default: bool) -> Group:
        group = Group(max(self.groups, default=100) + 1, name, description, is_default)
        self.groups[group.id] = group
        return group

    def new_batch(self) -> str:
        batch = secrets.token_urlsafe(48)[:62]
        self.batches.add(batch)
        return batch

    def drop_reason(self, address: str, group_id: int | None, bypassed: frozenset[str]) -> str | None:
        """Return SendGrid's reason for dropping a mail to this address, or None if it may go out."""
        if "bypass_list_management" in bypassed:
            return None
        address = address.lower()
        for list_name, (bypass, reason) in _DROP_REASONS.items():
            if address in self.lists[list_name] and bypass not in bypassed:
                return reason
        if group_id is not None and group_id in self.groups and address in self.groups[group_id].members:
            return "Unsubscribed Address"
        return None

    def bypasses(self, mail: dict[str, Any]) -> frozenset[str]:
        """Return the bypass settings that a valid mail switches on."""
        settings = mail.get("mail_settings", {})
        return frozenset(name for name, one in settings.items() if name.startswith("bypass_") and one.get("enable"))


class RateWindow:
    """SendGrid's X-RateLimit window: `limit` requests in each `seconds`, counted from the first one."""

    def __init__(self, limit: int, seconds: int = 60) -> None:
        self.limit = limit
        self.seconds = seconds
        self.reset_at = 0
        self.used = 0

    def take(self, now: float) -> bool:
        """Count one request; False means it must be answered 429."""
        if now >= self.reset_at:
            self.reset_at, self.used = int(now) + self.seconds, 0
        self.used += 1
        return self.limit == 0 or self.used <= self.limit

    def headers(self) -> dict[str, str]:
        """Return the three headers; an unlimited account shows a limit it never reaches."""
        limit = self.limit or 1_000_000
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(limit - self.used, 0)),
            "X-RateLimit-Reset": str(self.reset_at),
        }
