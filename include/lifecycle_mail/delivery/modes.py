"""What each mode needs before a mail may leave: preview, simulate, live."""

from __future__ import annotations

from sqlalchemy.engine import Engine

from lifecycle_mail.campaigns import Topic
from lifecycle_mail.database import scalar
from lifecycle_mail.errors import DeliveryRefused
from lifecycle_mail.sendgrid.client import host_of, is_loopback, is_sendgrid, is_sendgrid_api
from lifecycle_mail.settings import (
    DEVELOPMENT_PAGES_URL,
    DEVELOPMENT_POSTAL_ADDRESS,
    DEVELOPMENT_PUBLIC_URL,
    DEVELOPMENT_SECRET,
    Settings,
)


def require_deliverable(engine: Engine, settings: Settings, topics: dict[str, Topic]) -> None:
    """Refuse a delivery that the mode does not permit; record the mode in the database at its first delivery.

    Raises:
        DeliveryRefused: one line that names what is missing; nothing was sent and no state changed.
    """
    if settings.mode == "preview":
        return
    if settings.mode == "simulate":
        _require_simulator(settings)
    else:
        _require_live_settings(settings, topics)
    with engine.begin() as connection:
        stamped = scalar(connection, "delivery/stamp", mode=settings.mode)
    if stamped != settings.mode:
        raise DeliveryRefused(
            f"this database delivers in mode '{stamped}' but LIFECYCLE_MODE is '{settings.mode}': "
            "use another database, so that simulated and real mails never mix"
        )


def _require_simulator(settings: Settings) -> None:
    if not settings.sendgrid_base_url:
        raise DeliveryRefused("mode simulate needs SENDGRID_BASE_URL: set it to the address of a running simulator")
    host = _host(settings.sendgrid_base_url)
    if is_sendgrid(host):
        raise DeliveryRefused(
            "mode simulate refuses SendGrid itself: point SENDGRID_BASE_URL at a simulator, or use mode live"
        )
    if not is_loopback(host) and host not in settings.simulator_hosts:
        raise DeliveryRefused(
            "mode simulate posts to this machine alone: point SENDGRID_BASE_URL at 127.0.0.1 or localhost, or name the "
            "simulator's host in LIFECYCLE_SIMULATOR_HOSTS"
        )


def _host(address: str) -> str:
    host = host_of(address)
    if host is None:
        raise DeliveryRefused(
            "SENDGRID_BASE_URL is not an http(s) address: write one such as http://127.0.0.1:8085"
        )
    return host


def _require_live_settings(settings: Settings, topics: dict[str, Topic]) -> None:
    if not settings.sendgrid_api_key:
        raise DeliveryRefused("mode live needs SENDGRID_API_KEY: set it, or use LIFECYCLE_MODE=preview")
    left = [
        name
        for name, value, development in (
            ("LIFECYCLE_POSTAL_ADDRESS", settings.postal_address, DEVELOPMENT_POSTAL_ADDRESS),
            ("LIFECYCLE_PUBLIC_URL", settings.public_url, DEVELOPMENT_PUBLIC_URL),
            ("LIFECYCLE_PAGES_URL", settings.pages_url, DEVELOPMENT_PAGES_URL),
            ("LIFECYCLE_LINK_SECRET", settings.link_secret, DEVELOPMENT_SECRET),
        )
        if value == development
    ]
    if left:
        raise DeliveryRefused(f"mode live needs real values for {', '.join(left)}: they still have development ones")
    if not settings.public_url.startswith("https://"):
        raise DeliveryRefused("mode live needs a LIFECYCLE_PUBLIC_URL with https://, because one-click links demand it")
    if not settings.pages_url.startswith("https://"):
        raise DeliveryRefused("mode live needs a LIFECYCLE_PAGES_URL with https://: its pages take what people choose")
    if settings.sendgrid_base_url and not (
        settings.sendgrid_base_url.startswith("https://")
        and is_sendgrid_api(_host(settings.sendgrid_base_url))
    ):
        raise DeliveryRefused(
            "mode live sends to SendGrid alone: leave SENDGRID_BASE_URL empty, or give its EU address "
            "https://api.eu.sendgrid.com"
        )
    example = sorted(name for name, topic in topics.items() if any(map(is_example, topic.own_addresses)))
    if example:
        raise DeliveryRefused(
            f"mode live needs a real sender for topic {', '.join(example)}, and a real reply_to if it has one: change "
            "it in include/topics.yaml"
        )
    require_default_zone(settings)


def require_default_zone(settings: Settings) -> None:
    """Do nothing, unless hours in live would be those of UTC for customers who tell neither zone nor country.

    Planning asks too: it decides which hours a mail waits for, and which steps are too late.

    Raises:
        DeliveryRefused: the mode is live, and the setting is missing.
    """
    if settings.mode == "live" and settings.default_zone is None:
        raise DeliveryRefused(
            "mode live needs LIFECYCLE_DEFAULT_ZONE: give the IANA zone whose hours hold for customers who tell "
            "neither zone nor country"
        )


def is_example(email: str) -> bool:
    """Tell whether an address is of an example domain, which no person owns."""
    domain = email.rpartition("@")[2].lower()
    return domain == "example.com" or domain.endswith(".example.com")
