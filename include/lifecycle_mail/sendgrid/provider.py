"""The posting of mails to SendGrid over HTTP. `answers` says what an answer means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import httpx

from lifecycle_mail.leases import lease_seconds
from lifecycle_mail.sendgrid.answers import Answer, NothingSent, Unknown, interpret
from lifecycle_mail.sendgrid.client import CONNECT_SECONDS, JSON, client_of
from lifecycle_mail.sendgrid.requests import Request
from lifecycle_mail.settings import Settings

MAX_ANSWER_BYTES = 1_000_000
NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


class Provider:
    """A pooled connection to POST /v3/mail/send; use as a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._step_seconds = settings.request_timeout_seconds
        self._client = client_of(settings, timeout_seconds=self._step_seconds, connections=4)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, request: Request, answer_by: float) -> Answer:
        """Post one request and interpret the answer; never raises for a failure of the network.

        `answer_by`, in seconds of `lease_seconds`: no step of the request begins after it, or waits longer than the
        time that was left at the beginning of the step.
        """
        step_seconds = min(self._step_seconds, max(answer_by - lease_seconds(), 0.001))
        try:
            with self._client.stream(
                "POST",
                "/v3/mail/send",
                content=_until(answer_by, request.pieces()),
                headers={**JSON, "Content-Length": str(request.size)},
                timeout=httpx.Timeout(step_seconds, connect=min(step_seconds, CONNECT_SECONDS)),
            ) as response:
                return interpret(response.status_code, response.headers, _body(response, answer_by))
        except NEVER_SENT as error:
            return NothingSent(f"no connection: {type(error).__name__}")
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # InvalidURL: from the Location of an answer
            return Unknown(f"no answer: {type(error).__name__}")


def _until(answer_by: float, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces as long as there is time. Each write has its own timeout; this limits all of them together.

    Raises:
        httpx.WriteTimeout: the provider reads too slowly.
    """
    for piece in pieces:
        if lease_seconds() > answer_by:
            raise httpx.WriteTimeout("the request took too long in all")
        yield piece


def _body(response: httpx.Response, answer_by: float) -> bytes:
    """Return the body of an answer.

    Raises:
        httpx.HTTPError: the body is cut, endless or too slow, so there is no answer. This holds for a 202 too; events
            settle its mails.
    """
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > MAX_ANSWER_BYTES or lease_seconds() > answer_by:
            raise httpx.ReadTimeout("the answer does not end")
    return bytes(body)
