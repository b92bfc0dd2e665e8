"""Post requests to SendGrid: dumb, pooled, with timeouts. What an answer means is decided in `answers`."""

from __future__ import annotations

import logging
from typing import Any, Self

import httpx
import orjson

from lifecycle_mail.delivery.answers import Answer, NothingSent, Unknown, interpret
from lifecycle_mail.delivery.modes import base_url
from lifecycle_mail.settings import Settings

# httpx and httpcore log request lines and headers below WARNING; a key must not appear at any level.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)


def _timeout_seconds(settings: Settings) -> float:
    """Return the request timeout, always inside the lease: an answer must come before the claim is given up."""
    return min(settings.request_timeout_seconds, 0.8 * settings.claim_lease_seconds)


class Provider:
    """A pooled connection to POST /v3/mail/send; use as a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._url = f"{base_url(settings)}/v3/mail/send"
        self._client = httpx.Client(
            timeout=httpx.Timeout(_timeout_seconds(settings), connect=10.0),
            limits=httpx.Limits(max_connections=4, keepalive_expiry=5.0),
            headers={
                "Authorization": f"Bearer {settings.sendgrid_api_key or 'simulated'}",
                "Content-Type": "application/json",
                "User-Agent": "lifecycle-mail",
            },
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, request: dict[str, Any]) -> Answer:
        """Post one request and interpret what came back; never raises for what the network does."""
        try:
            response = self._client.post(self._url, content=orjson.dumps(request))
        except NEVER_SENT as error:
            return NothingSent(f"no connection: {type(error).__name__}")
        except httpx.HTTPError as error:
            return Unknown(f"no answer: {type(error).__name__}")
        return interpret(response.status_code, response.headers, response.content)
