"""SendGrid's suppression lists over HTTP: pooled, with timeouts, and repeated if there is no answer.

Every call here may be repeated. Reading changes nothing, and an address that is added twice is listed once. The key and
addresses never reach a log or an error.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import httpx
import orjson

from lifecycle_mail.errors import SyncError
from lifecycle_mail.mailboxes import mailbox
from lifecycle_mail.sendgrid.answers import seconds_until_reset, without_addresses
from lifecycle_mail.sendgrid.client import JSON, client_of
from lifecycle_mail.settings import Settings

logger = logging.getLogger(__name__)

ROWS_A_PAGE = 500  # SendGrid's limit
ADDRESSES_A_PUSH = 1000  # no limit is documented; mail/send takes as many recipients
TRIES = 6
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
GLOBAL = 0
"""Stands for the global list in place of a group's number."""

# What a row of a list means: the same as the webhook's event of that kind. Blocks suppress nothing.
REASONS = {
    "bounces": "hard_bounce",
    "invalid_emails": "dropped",
    "spam_reports": "complaint",
    "unsubscribes": "unsubscribed",
    "blocks": None,
}
GROUPS = "groups"
"""Stands for the lists of all unsubscribe groups together."""


class Listed(NamedTuple):
    """One row of a list: address in lower case, time of listing (Unix seconds), unsubscribe group if any."""

    address: str
    listed_epoch: int
    group_id: int | None = None


class AddressesRefused(Exception):
    """400 to a push: SendGrid took none of these addresses. The message gives its reason, without addresses."""


class SuppressionLists:
    """The account's lists; use as a context manager. `sleep` takes seconds."""

    def __init__(
        self,
        settings: Settings,
        *,
        rows_a_page: int = ROWS_A_PAGE,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.rows_a_page = rows_a_page
        self._sleep = sleep
        self._client = client_of(
            settings, timeout_seconds=settings.request_timeout_seconds, connections=1, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def page(self, list_name: str, start_epoch: int, end_epoch: int, offset: int) -> list[Listed]:
        """Return one page of a list that is read by time; both ends of the window are included.

        Raises:
            SyncError: no usable answer after several tries.
        """
        path = f"/v3/suppression/{list_name}"
        answer = self._get(
            path,
            {"start_time": start_epoch, "end_time": end_epoch, "limit": self.rows_a_page, "offset": offset},
        )
        return [_listed(row, "created", path) for row in _rows(answer, path)]

    def group_members(self) -> list[Listed]:
        """Return which address left which group. All groups come in one answer (SyncError if there is none)."""
        path = "/v3/asm/suppressions"
        found = []
        for row in _rows(self._get(path), path):
            group_id = row.get("group_id")
            if type(group_id) is not int:
                raise _unusable(path, "a row without a group's number")
            found.append(_listed(row, "created_at", path)._replace(group_id=group_id))
        return found

    def group_ids(self) -> set[int]:
        """Return the numbers of the account's unsubscribe groups (SyncError if there is no usable answer)."""
        path = "/v3/asm/groups"
        return {row["id"] for row in _rows(self._get(path), path) if type(row.get("id")) is int}

    def add(self, group_id: int, addresses: Sequence[str]) -> None:
        """Put addresses on a group's list, or on the global one (GLOBAL); addresses that are listed already stay.

        Raises:
            AddressesRefused: 400; perhaps SendGrid does not accept one of them as an address.
            SyncError: no usable answer after several tries.
        """
        path = (
            "/v3/asm/suppressions/global"
            if group_id == GLOBAL
            else f"/v3/asm/groups/{quote(str(group_id), safe='')}/suppressions"
        )
        response = self._ask("POST", path, content=orjson.dumps({"recipient_emails": list(addresses)}))
        if response.status_code == 400:
            raise AddressesRefused(_said(response, addresses))
        if response.status_code != 201:
            raise _refused(path, response)

    def is_listed(self, list_name: str, address: str) -> bool:
        """Tell whether an address is on a list that is read by time (SyncError without an answer)."""
        found = self._get(_place_of(list_name, address))
        # The global list says so with an object, which is empty if the address is not there.
        return bool(found)

    def take_off(self, list_name: str, address: str) -> None:
        """Take an address off a list that is read by time; if it is not there, nothing changes (SyncError)."""
        self._delete(_place_of(list_name, address))

    def groups_left(self, address: str) -> set[int]:
        """Return the numbers of the unsubscribe groups that an address left (SyncError without an answer)."""
        path = f"/v3/asm/suppressions/{quote(address, safe='')}"
        answer = self._get(path)
        rows = _rows(answer.get("suppressions") if isinstance(answer, dict) else None, "/v3/asm/suppressions/<address>")
        return {row["id"] for row in rows if row.get("suppressed") is True and type(row.get("id")) is int}

    def take_back(self, group_id: int, address: str) -> None:
        """Take an address off the list of those who left a group; if it is not there, nothing changes (SyncError)."""
        self._delete(f"/v3/asm/groups/{group_id}/suppressions/{quote(address, safe='')}")

    def _delete(self, path: str) -> None:
        response = self._ask("DELETE", path)
        if response.status_code not in (200, 204, 404):
            raise _refused(_shown(path), response)

    def _get(self, path: str, params: dict[str, int] | None = None) -> Any:
        response = self._ask("GET", path, params=params)
        if response.status_code != 200:
            raise _refused(_shown(path), response)
        try:
            return orjson.loads(response.content)
        except orjson.JSONDecodeError:
            raise _unusable(_shown(path), "no JSON") from None

    def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Repeat the request until there is an answer that another try would not change."""
        headers = JSON if "content" in request else {}
        reason = ""
        for attempt in range(TRIES):
            try:
                response = self._client.request(method, path, headers=headers, **request)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                reason, wait = type(error).__name__, _pause(attempt)
            else:
                if response.status_code != 429 and response.status_code < 500:
                    return response
                reason, wait = str(response.status_code), _until_reset(response) or _pause(attempt)
            if attempt + 1 < TRIES:
                logger.info("no answer of %s (%s): trying again in %.0f s", _shown(path), reason, wait)
                self._sleep(wait)
        raise SyncError(
            f"SendGrid gave no answer to {method} {_shown(path)} in {TRIES} tries (last: {reason}): what was read or "
            "pushed before is kept, and the next run continues from there"
        )


def _place_of(list_name: str, address: str) -> str:
    """Return the place of one address of a list; the global list has a place of its own."""
    folder = "/v3/asm/suppressions/global" if list_name == "unsubscribes" else f"/v3/suppression/{list_name}"
    return f"{folder}/{quote(address, safe='')}"


def _shown(path: str) -> str:
    """Return a path as a log may show it: without the address at its end."""
    folder, _, last = path.rpartition("/")
    return f"{folder}/<address>" if "%40" in last or "@" in last else path


def _pause(attempt: int) -> float:
    return min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS)


def _until_reset(response: httpx.Response) -> float | None:
    seconds = seconds_until_reset(response.headers)
    return None if seconds is None else min(max(seconds, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)


def _rows(answer: Any, path: str) -> list[dict[str, Any]]:
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise _unusable(path, "no list of rows")
    return answer


def _listed(row: dict[str, Any], time_key: str, path: str) -> Listed:
    address, listed_epoch = row.get("email"), row.get(time_key)
    if not isinstance(address, str) or type(listed_epoch) is not int:
        raise _unusable(path, "a row without address or time")
    return Listed(mailbox(address.replace("\x00", "")), listed_epoch)


def _unusable(path: str, what: str) -> SyncError:
    return SyncError(f"SendGrid's answer to {path} has {what}: check that SENDGRID_BASE_URL is SendGrid's address")


def _said(response: httpx.Response, addresses: Sequence[str]) -> str:
    """Return the answer's text without the pushed addresses, which may not look like addresses if they are refused."""
    longest_first = sorted(filter(None, addresses), key=len, reverse=True)
    pushed = re.compile("|".join(map(re.escape, longest_first)) or "(?!)", re.IGNORECASE)
    return without_addresses(pushed.sub("<address>", response.text))


def _refused(path: str, response: httpx.Response) -> SyncError:
    if response.status_code in (401, 403):
        return SyncError(
            f"SendGrid refused the key for {path} ({response.status_code}): give SENDGRID_API_KEY the rights to "
            "read and delete suppressions and to read and write unsubscribe groups"
        )
    text = without_addresses(response.text)
    return SyncError(f"SendGrid answered {response.status_code} to {path}: {text}")
