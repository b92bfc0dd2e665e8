"""Answers in SendGrid's form: the errors object and the headers that every answer carries."""

from collections.abc import Iterable, Mapping

import orjson
from starlette.responses import Response

from sendgrid_simulator.validation import Problem

_HELP = "https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors"


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, media_type="application/json")


def refusal(status: int, problems: Iterable[Problem], headers: Mapping[str, str] | None = None) -> Response:
    """Return {"errors": [{message, field, help}]}.

    `field` is null where no field is to blame. `help` is an object, as the published specification has it.
    """
    errors = [{"message": one.message, "field": one.field, "help": {"link": _HELP}} for one in problems]
    return json_answer({"errors": errors}, status, headers)


def error(status: int, message: str, field: str | None = None, headers: Mapping[str, str] | None = None) -> Response:
    return refusal(status, [Problem(message, field)], headers)
