"""The client of all requests to SendGrid: the account's address, timeouts, the key's header."""

from __future__ import annotations

import ipaddress
import logging
from urllib.parse import urlsplit

import httpx

from lifecycle_mail.errors import SettingsError
from lifecycle_mail.settings import Settings

LIVE_BASE_URL = "https://api.sendgrid.com"
CONNECT_SECONDS = 10.0
_API_PATHS = ("/v3", "/v3/mail", "/v3/mail/send")
JSON = {"Content-Type": "application/json"}

# Below WARNING, httpx and httpcore log request lines and headers. The key must not appear at any level.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def base_url(settings: Settings) -> str:
    """Return the address that requests go to."""
    return settings.sendgrid_base_url or LIVE_BASE_URL


def host_of(address: str) -> str | None:
    """Return the host that requests to an http(s) address go to; None for any other text, with which each would fail.

    Two readers of addresses have to agree on the host: one that they read differently is none.
    """
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        return parts.hostname if usable and parts.hostname == httpx.URL(address).host else None
    except (ValueError, httpx.InvalidURL):
        return None


def is_loopback(host: str) -> bool:
    """Tell whether the host is this machine: localhost, 127.0.0.0/8 or ::1."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_sendgrid(host: str) -> bool:
    """Tell whether the host belongs to SendGrid, whether or not it is an API."""
    return host == "sendgrid.com" or is_sendgrid_api(host)


def is_sendgrid_api(host: str) -> bool:
    """Tell whether the host may be one of SendGrid's APIs (the EU has its own)."""
    return host.endswith(".sendgrid.com")


def client_of(
    settings: Settings,
    *,
    timeout_seconds: float,
    connections: int,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """Return a pooled client of the account's API, or of the simulator's; paths are relative to it.

    The client follows no redirect and takes no proxy from the environment, so the key goes nowhere else.

    Raises:
        SettingsError: SENDGRID_BASE_URL is not an address, or has the API's path, which is joined to it.
    """
    if base_url(settings).lower().endswith(_API_PATHS):
        raise SettingsError("SENDGRID_BASE_URL ends with a path of SendGrid's API, which is joined to it: leave it out")
    try:
        address = httpx.URL(base_url(settings))
    except httpx.InvalidURL:
        raise SettingsError("SENDGRID_BASE_URL is not an address: write one such as http://127.0.0.1:8085") from None
    return httpx.Client(
        base_url=address,
        timeout=httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=connections, keepalive_expiry=5.0),
        headers={
            "Authorization": f"Bearer {settings.sendgrid_api_key or 'simulated'}",
            "Accept": "application/json",
            "User-Agent": "lifecycle-mail",
        },
        follow_redirects=False,
        trust_env=False,
        transport=transport,
    )
