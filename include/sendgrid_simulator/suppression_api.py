"""The suppression endpoints of SendGrid that a synchronising job needs, over the simulated account.

Bounces, blocks, invalid addresses, spam reports and global unsubscribes are read by time and page; global
and group suppressions can be written, read and lifted; groups can be listed and made. As the published
specification has it, an address added to a group that does not exist goes to the global list.

`/simulator/suppressions` is the tests' own way in: it lists addresses at a moment of the past, or takes them
off. Delay and faults of these endpoints are set apart from those of mail/send.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sendgrid_simulator.account import Account
from sendgrid_simulator.answers import error, json_answer

Handler = Callable[[Request], Awaitable[Response]]
LISTS_BY_PATH = ("bounces", "blocks", "invalid_emails", "spam_reports", "unsubscribes")
PAGE_MAX = 500
_DETAILS = {
    "bounces": {"reason": "550 5.1.1 unknown", "status": "5.1.1"},
    "blocks": {"reason": "421 try later", "status": "4.2.1"},
    "invalid_emails": {"reason": "Mail domain mentioned in email address is unknown"},
    "spam_reports": {"ip": "198.51.100.10"},
}


class _BadRequest(Exception):
    """Something in a request is wrong: (message, field)."""


def suppression_routes(around: Callable[[Handler], Handler]) -> list[Route]:
    """Return the routes; each finds the account at `request.app.state.simulator.account`.

    `around` wraps each endpoint of SendGrid's: delay and faults.
    """

    def _guarded(handler: Handler) -> Handler:
        return around(_honest(handler))

    routes = [Route("/v3/suppression/" + name, _guarded(_list), methods=["GET", "DELETE"]) for name in LISTS_BY_PATH]
    routes += [
        Route(f"/v3/suppression/{name}/{{email:path}}", _guarded(_one), methods=["GET", "DELETE"])
        for name in LISTS_BY_PATH
    ]
    return [
        *routes,
        Route("/simulator/suppressions", _honest(_listed), methods=["POST", "DELETE"]),
        Route("/v3/asm/suppressions/global", _guarded(_global_add), methods=["POST"]),
        Route("/v3/asm/suppressions/global/{email:path}", _guarded(_global_one), methods=["GET", "DELETE"]),
        Route("/v3/asm/suppressions", _guarded(_all_group_suppressions), methods=["GET"]),
        Route("/v3/asm/suppressions/{email:path}", _guarded(_groups_of), methods=["GET"]),
        Route("/v3/asm/groups", _guarded(_groups), methods=["GET", "POST"]),
        Route("/v3/asm/groups/{group_id:int}", _guarded(_group), methods=["GET", "DELETE"]),
        Route("/v3/asm/groups/{group_id:int}/suppressions", _guarded(_members), methods=["GET", "POST"]),
        Route("/v3/asm/groups/{group_id:int}/suppressions/search", _guarded(_search), methods=["POST"]),
        Route("/v3/asm/groups/{group_id:int}/suppressions/{email:path}", _guarded(_member), methods=["DELETE"]),
    ]


def _honest(handler: Handler) -> Handler:
    async def honest(request: Request) -> Response:
        try:
            return await handler(request)
        except _BadRequest as problem:
            return error(400, problem.args[0], problem.args[1])

    return honest


async def _listed(request: Request) -> Response:
    """{"list": name or group number, "emails": […], "created": Unix seconds}; DELETE takes them off."""
    account, body = _account(request), await _body(request)
    given, created = body.get("list"), body.get("created", time.time())
    addresses = await _addresses(request, "emails")
    if type(given) is not int and given not in LISTS_BY_PATH:
        raise _BadRequest(f"list must be a group's number or one of {', '.join(LISTS_BY_PATH)}", "list")
    for address in addresses:
        if request.method == "DELETE":
            members: dict[str, Any] = (
                account.group(given).members if type(given) is int else account.lists[str(given)]
            )
            members.pop(address.lower(), None)
        elif type(given) is int:
            account.leave_group(given, address, created)
        else:
            account.suppress(str(given), address, created, **_DETAILS.get(str(given), {}))
    return json_answer({"emails": addresses})


def _account(request: Request) -> Account:
    account: Account = request.app.state.simulator.account
    return account


def _number(request: Request, name: str, default: int, low: int = 0, high: int = 2**53) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise _BadRequest(f"{name} must be an integer from {low} to {high}", name)
    return int(text)


async def _body(request: Request) -> dict[str, Any]:
    try:
        parsed = orjson.loads(await request.body() or b"{}")
    except orjson.JSONDecodeError as problem:
        raise _BadRequest("the body is not valid JSON", None) from problem
    if not isinstance(parsed, dict):
        raise _BadRequest("the body must be a JSON object", None)
    return parsed


async def _addresses(request: Request, key: str) -> list[str]:
    found = (await _body(request)).get(key)
    if not isinstance(found, list) or not all(isinstance(one, str) and "@" in one for one in found):
        raise _BadRequest(f"{key} must be an array of addresses", key)
    return found


async def _list(request: Request) -> Response:
    rows = _account(request).lists[request.url.path.rsplit("/", 1)[1]]
    if request.method == "DELETE":
        body = await _body(request)
        gone = list(rows) if body.get("delete_all") is True else await _addresses(request, "emails")
        for address in gone:
            rows.pop(address.lower(), None)
        return Response(status_code=204)
    start, end = _number(request, "start_time", 0), _number(request, "end_time", 2**53)
    limit, offset = _number(request, "limit", PAGE_MAX, 1, PAGE_MAX), _number(request, "offset", 0)
    prefix = request.query_params.get("email", "").lower().removesuffix("%")
    matching = [row for key, row in rows.items() if start <= row["created"] <= end and key.startswith(prefix)]
    matching.sort(key=lambda row: row["created"], reverse=True)
    return json_answer(matching[offset : offset + limit])


async def _one(request: Request) -> Response:
    rows = _account(request).lists[request.url.path.split("/")[3]]
    address = request.path_params["email"].lower()
    if request.method == "DELETE":
        return Response(status_code=204) if rows.pop(address, None) else error(404, "not found")
    return json_answer([rows[address]] if address in rows else [])


async def _global_add(request: Request) -> Response:
    found = await _addresses(request, "recipient_emails")
    for address in found:
        _account(request).suppress("unsubscribes", address, time.time())
    return json_answer({"recipient_emails": found}, 201)


async def _global_one(request: Request) -> Response:
    rows = _account(request).lists["unsubscribes"]
    address = request.path_params["email"].lower()
    if request.method == "DELETE":
        rows.pop(address, None)
        return Response(status_code=204)
    return json_answer({"recipient_email": rows[address]["email"]} if address in rows else {})


async def _all_group_suppressions(request: Request) -> Response:
    return json_answer(
        [
            {"email": address, "group_id": group.id, "group_name": group.name, "created_at": created}
            for group in _account(request).groups.values()
            for address, created in group.members.values()
        ]
    )


async def _groups_of(request: Request) -> Response:
    address = request.path_params["email"].lower()
    found = [
        {
            "id": group.id,
            "name": group.name,
            "description": group.description,
            "is_default": group.is_default,
            "suppressed": address in group.members,
        }
        for group in _account(request).groups.values()
    ]
    return json_answer({"suppressions": found})


async def _groups(request: Request) -> Response:
    account = _account(request)
    if request.method == "GET":
        wanted = _number(request, "id", 0)
        return json_answer([group.as_json() for group in account.groups.values() if wanted in (0, group.id)])
    body = await _body(request)
    name, description = body.get("name"), body.get("description", "")
    if not isinstance(name, str) or not 1 <= len(name) <= 30:
        raise _BadRequest("name must be a string of 1 to 30 characters", "name")
    if not isinstance(description, str) or len(description) > 100:
        raise _BadRequest("description must be a string of at most 100 characters", "description")
    group = account.add_group(name, description, body.get("is_default") is True)
    made = group.as_json()
    del made["unsubscribes"]
    return json_answer(made, 201)


async def _group(request: Request) -> Response:
    groups = _account(request).groups
    group = groups.get(request.path_params["group_id"])
    if group is None:
        return error(404, "group not found")
    if request.method == "DELETE":
        del groups[group.id]
        return Response(status_code=204)
    return json_answer(group.as_json())


async def _members(request: Request) -> Response:
    account, group_id = _account(request), request.path_params["group_id"]
    exists = group_id in account.groups or not account.strict_groups
    if request.method == "POST":
        found = await _addresses(request, "recipient_emails")
        for address in found:
            if exists:
                account.leave_group(group_id, address, time.time())
            else:
                account.suppress("unsubscribes", address, time.time())
        return json_answer({"recipient_emails": found}, 201)
    if not exists:
        return error(404, "group not found")
    return json_answer([address for address, _ in account.group(group_id).members.values()])


async def _search(request: Request) -> Response:
    group = _account(request).groups.get(request.path_params["group_id"])
    wanted = await _addresses(request, "recipient_emails")
    return json_answer([one for one in wanted if group is not None and one.lower() in group.members])


async def _member(request: Request) -> Response:
    group = _account(request).groups.get(request.path_params["group_id"])
    if group is None or group.members.pop(request.path_params["email"].lower(), None) is None:
        return error(404, "not found")
    return Response(status_code=204)
