"""What each answer of the provider means, without a network."""

from __future__ import annotations

import pytest

from lifecycle_mail.sendgrid.answers import (
    Accepted,
    AccessRefused,
    RateLimited,
    RecipientsRefused,
    RequestRefused,
    TooLarge,
    Unknown,
    interpret,
)


def body(message: str, field: str | None = None) -> bytes:
    import orjson

    return orjson.dumps({"errors": [{"message": message, "field": field, "help": None}]})


def test_202_is_accepted_with_the_request_id() -> None:
    """202 is an acceptance, not a delivery; the header names the request."""
    assert interpret(202, {"X-Message-Id": "abc"}, b"") == Accepted("abc")


@pytest.mark.parametrize("field", ["personalizations.16.to.0.email", "personalizations[16].to[0].email"])
def test_400_that_names_a_recipient(field: str) -> None:
    """The seventeenth recipient is found by its place, whichever way the field is written."""
    assert interpret(400, {}, body("Does not contain a valid address.", field)) == RecipientsRefused(
        {16: "Does not contain a valid address."}
    )


def test_400_that_names_nobody_concerns_the_request() -> None:
    """An error about the shared part would come again with every batch: it is not a recipient's."""
    answer = interpret(400, {}, body("The subject is required.", "subject"))
    assert answer == RequestRefused("400: The subject is required.")


def test_415_is_never_a_recipients_fault() -> None:
    """A wrong encoding concerns the whole request, even if the answer names a place."""
    assert isinstance(interpret(415, {}, body("bad utf-8", "personalizations.3.to")), RequestRefused)


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_refused_access_stops_everything(status: int) -> None:
    """A wrong key, a missing right and a wrong address all mean that no request can work."""
    answer = interpret(status, {}, body("authorization required"))
    assert isinstance(answer, AccessRefused)
    assert answer.status == status


def test_413_and_429() -> None:
    """Too large, and too many: nothing was taken in either case. The wait follows the provider's clock, not ours."""
    date = {"Date": "Tue, 14 Nov 2023 22:12:58 GMT"}
    assert interpret(413, {}, b"") == TooLarge()
    assert interpret(429, {"X-RateLimit-Reset": "1700000000", **date}, b"") == RateLimited(22.0)
    assert interpret(429, {"X-RateLimit-Reset": "1600000000", **date}, b"") == RateLimited(0.0)
    for headers in ({}, date, {"X-RateLimit-Reset": "1700000000"}, {"X-RateLimit-Reset": "soon", **date},
                    {"X-RateLimit-Reset": "inf", **date}):  # fmt: skip
        assert interpret(429, headers, b"garbage") == RateLimited(None)


@pytest.mark.parametrize("status", [100, 200, 204, 301, 402, 418, 500, 502, 503, 504, 599])
def test_everything_else_is_unknown(status: int) -> None:
    """What is not surely refused may have been taken."""
    answer = interpret(status, {}, b"<html>garbage")
    assert isinstance(answer, Unknown)
    assert answer.status == status


@pytest.mark.parametrize("text", [b"", b"null", b"[]", b'{"errors": 3}', b'{"errors": [3]}', b"\xff\xfe"])
def test_garbage_bodies_never_raise(text: bytes) -> None:
    """A body of no known form is an answer without a reason."""
    assert isinstance(interpret(400, {}, text), RequestRefused)


@pytest.mark.parametrize(
    "address", ["jane.doe+x@example.com", "zoe.o'hara@example.com", "!#$%&'*+/=?^_`{|}~-@example.com"]
)
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The address {} is bad", "The address <address> is bad"),
        ("Bad: <{}>.", "Bad: <<address>>."),
        ('"{}" is bad', '"<address>" is bad'),
        ("(to={}) bad", "(<address>) bad"),
    ],
)
def test_addresses_are_taken_out_of_reasons(address: str, text: str, kept: str) -> None:
    """A reason is stored and shown; no part of the address in it is, whatever letters it has."""
    answer = interpret(400, {}, body(text.format(address), "personalizations.0.to"))
    assert answer == RecipientsRefused({0: kept})
