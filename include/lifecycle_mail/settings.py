"""Settings, from the environment alone: what an installation may change without editing a file.

Below every stage. Secrets never appear in `repr`, in logs or in errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from lifecycle_mail.errors import SettingsError
from lifecycle_mail.intake import Limits
from lifecycle_mail.mailboxes import mailbox

INCLUDE = Path(__file__).resolve().parent.parent
# Schemes of links that run what they hold, show the reader's own machine, or are not followed any more: no setting
# permits them.
UNSAFE_SCHEMES = frozenset({"javascript", "vbscript", "data", "file", "blob", "about", "view-source", "ftp"})
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
MODES = ("preview", "simulate", "live")
Mode = Literal["preview", "simulate", "live"]
_ENTRY = re.compile(r"[^\s\"',;<>]+")  # no blank, quote or separator inside
# Letters of any script: such a domain is compared as its punycode. A star or a dot at an end would match nothing.
_DOMAIN = re.compile(r"\w[\w-]*(\.\w[\w-]*)*")
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
OFF = "off"
_LONGEST_NUMBER = 9  # digits; of thousands of them Python makes no number
_YES, _NO = ("yes", "true", "on", "1"), ("no", "false", OFF, "0")

UNSAID_ZONE = "UTC"  # of people without zone and country, outside live, if no default zone is set

DEVELOPMENT_SECRET = "development-link-secret"
DEVELOPMENT_POSTAL_ADDRESS = "1 Example Street, 00000 Example"
DEVELOPMENT_PUBLIC_URL = "http://localhost:8086"
DEVELOPMENT_PAGES_URL = "http://localhost:8088"


@dataclass(frozen=True)
class Settings:
    """One installation's settings.

    Times are seconds. `reporting_zone` is the IANA zone whose dates are KPI days. `reporting_currency` (ISO 4217) is
    the currency into which revenue is converted, None = revenue is given per currency only. `default_zone` is the zone
    of customers who tell neither zone nor country, None = not set. `allowed_recipients` are addresses or ``@domain``
    suffixes as `mailbox` writes them, empty = everyone. `simulator_hosts` are hosts besides this machine that mode
    simulate may post to. Retention is the number of months kept in addition to the present one, None = no limit.
    `feeds_may_resubscribe`: a yes of a feed lifts what a person said to us, since the shop asks them again. Marketing
    mail to a mailbox rests for `soft_bounce_rest_days` after `soft_bounce_limit` soft bounces (0 = never) over at least
    `soft_bounce_days` without a delivery. `segments_need_another`: who asked for a segment may not approve it.
    `intake_limits` say when what files bring is an alarm. `link_schemes` are those that a link of a feed may have. One
    statement that reads a segment ends after `segment_seconds`, and does not begin if its cost by the planner's
    estimate is above `segment_cost`. The pages of recipients answer at `pages_url`, and a mail's link to them works for
    `link_days`; their database user may log in with `pages_password`, empty = it may not, or not by us.
    """

    database_url: str = field(repr=False)
    mode: Mode = "preview"
    sendgrid_api_key: str = field(default="", repr=False)
    sendgrid_base_url: str = ""
    events_dir: Path | None = None
    feeds_dir: Path | None = None
    offers_dir: Path | None = None
    claim_lease_seconds: float = 300.0
    request_timeout_seconds: float = 30.0
    public_url: str = DEVELOPMENT_PUBLIC_URL
    pages_url: str = DEVELOPMENT_PAGES_URL
    link_days: int = 400
    postal_address: str = DEVELOPMENT_POSTAL_ADDRESS
    link_secret: str = field(default=DEVELOPMENT_SECRET, repr=False)
    pages_password: str = field(default="", repr=False)
    reporting_zone: str = "UTC"
    reporting_currency: str | None = None
    default_zone: str | None = None
    allowed_recipients: tuple[str, ...] = ()
    simulator_hosts: tuple[str, ...] = ()
    event_retention_months: int | None = None
    decision_retention_months: int | None = None
    feeds_may_resubscribe: bool = False
    soft_bounce_limit: int = 5
    soft_bounce_days: int = 7
    soft_bounce_rest_days: int = 30
    segments_need_another: bool = False
    intake_limits: Limits = field(default_factory=Limits)
    link_schemes: frozenset[str] = frozenset({"http", "https"})
    segment_seconds: float = 300.0
    segment_cost: float = 1e9
    campaigns_dir: Path = INCLUDE / "campaigns"
    templates_dir: Path = INCLUDE / "templates"
    topics_file: Path = INCLUDE / "topics.yaml"
    brand_file: Path = INCLUDE / "brand.yaml"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, database: bool = True) -> Settings:
        """Read the settings of `environment` (usually ``os.environ``).

        `database=False` is for commands that need no database (``campaign check``).

        Raises:
            SettingsError: a value is missing or has the wrong form; the message names the variable.
        """
        reader = _Reader(environment)
        return cls(
            database_url=reader.required("LIFECYCLE_DATABASE_URL") if database
            else reader.text("LIFECYCLE_DATABASE_URL", ""),
            mode=reader.mode(),
            sendgrid_api_key=reader.key("SENDGRID_API_KEY"),
            sendgrid_base_url=reader.address("SENDGRID_BASE_URL", ""),
            events_dir=reader.path("LIFECYCLE_EVENTS_DIR", None),
            feeds_dir=reader.path("LIFECYCLE_FEEDS_DIR", None),
            offers_dir=reader.path("LIFECYCLE_OFFERS_DIR", None),
            claim_lease_seconds=reader.seconds("LIFECYCLE_CLAIM_LEASE_SECONDS", 300.0),
            request_timeout_seconds=reader.seconds("LIFECYCLE_REQUEST_TIMEOUT_SECONDS", 30.0),
            public_url=reader.address("LIFECYCLE_PUBLIC_URL", DEVELOPMENT_PUBLIC_URL),
            pages_url=reader.address("LIFECYCLE_PAGES_URL", DEVELOPMENT_PAGES_URL),
            link_days=reader.days("LIFECYCLE_LINK_DAYS", cls.link_days),
            postal_address=reader.text("LIFECYCLE_POSTAL_ADDRESS", DEVELOPMENT_POSTAL_ADDRESS),
            link_secret=reader.text("LIFECYCLE_LINK_SECRET", DEVELOPMENT_SECRET),
            pages_password=reader.text("LIFECYCLE_PAGES_PASSWORD", ""),
            reporting_zone=reader.zone("LIFECYCLE_REPORTING_ZONE", "UTC"),
            reporting_currency=reader.currency("LIFECYCLE_REPORTING_CURRENCY"),
            default_zone=reader.zone("LIFECYCLE_DEFAULT_ZONE", "") or None,
            allowed_recipients=reader.recipients("LIFECYCLE_ALLOWED_RECIPIENTS"),
            simulator_hosts=reader.hosts("LIFECYCLE_SIMULATOR_HOSTS"),
            event_retention_months=reader.months("LIFECYCLE_EVENT_RETENTION_MONTHS"),
            decision_retention_months=reader.months("LIFECYCLE_DECISION_RETENTION_MONTHS"),
            feeds_may_resubscribe=reader.flag("LIFECYCLE_FEEDS_MAY_RESUBSCRIBE"),
            soft_bounce_limit=reader.limit("LIFECYCLE_SOFT_BOUNCE_LIMIT", 5),
            soft_bounce_days=reader.count("LIFECYCLE_SOFT_BOUNCE_DAYS", 7),
            soft_bounce_rest_days=reader.count("LIFECYCLE_SOFT_BOUNCE_REST_DAYS", 30),
            segments_need_another=reader.flag("LIFECYCLE_SEGMENTS_NEED_ANOTHER"),
            intake_limits=Limits(
                refused_percent=reader.percent("LIFECYCLE_REFUSED_PERCENT", 5.0),
                silent_hours=reader.limit("LIFECYCLE_SILENT_HOURS", 3),
                missing_periods=reader.limit("LIFECYCLE_MISSING_PERIODS", 2),
            ),
            link_schemes=reader.schemes("LIFECYCLE_LINK_SCHEMES", cls.link_schemes),
            segment_seconds=reader.seconds("LIFECYCLE_SEGMENT_SECONDS", cls.segment_seconds),
            segment_cost=reader.cost("LIFECYCLE_SEGMENT_COST", cls.segment_cost),
            campaigns_dir=reader.path("LIFECYCLE_CAMPAIGNS_DIR", None) or cls.campaigns_dir,
            templates_dir=reader.path("LIFECYCLE_TEMPLATES_DIR", None) or cls.templates_dir,
            topics_file=reader.path("LIFECYCLE_TOPICS_FILE", None) or cls.topics_file,
            brand_file=reader.path("LIFECYCLE_BRAND_FILE", None) or cls.brand_file,
        )


class _Reader:
    """Turns environment texts into typed values; an empty text counts as absent, and so do blanks."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str) -> str:
        value = self._environment.get(name, "").strip()
        if value[:1] in ("'", '"') and value[-1:] == value[:1]:
            raise SettingsError(f"{name} stands in quotes, and they are part of the value: take them out")
        return value or default

    def required(self, name: str) -> str:
        value = self.text(name, "")
        if not value:
            raise SettingsError(
                f"{name} is not set: give the warehouse's address, for example "
                "postgresql://user@localhost/lifecycle"
            )
        return value

    def key(self, name: str) -> str:
        """Return a key that travels in a header. Its errors do not repeat it."""
        value = self.text(name, "")
        if not value.isascii() or not value.isprintable() or " " in value:
            raise SettingsError(
                f"{name} has a blank, a line break or a letter beyond a to z: give the key alone, without 'Bearer'"
            )
        return value

    def address(self, name: str, default: str) -> str:
        """Return an address to which paths are joined: scheme, host, and at most a port and a path."""
        value = self.text(name, default).rstrip("/")
        if value and not _is_base(value):
            raise SettingsError(
                f"{name} is no address to which a path can be joined: write one such as https://mail.example.com, "
                "without login, ? and #"
            )
        return value

    def mode(self) -> Mode:
        value = self.text("LIFECYCLE_MODE", "preview")
        if value not in MODES:
            raise SettingsError(f"LIFECYCLE_MODE is '{value}': choose one of {', '.join(MODES)}")
        return cast(Mode, value)

    def path(self, name: str, default: Path | None) -> Path | None:
        value = self.text(name, "")
        return Path(value).expanduser() if value else default

    def seconds(self, name: str, default: float) -> float:
        return self._above_zero(name, default, "seconds")

    def cost(self, name: str, default: float) -> float:
        return self._above_zero(name, default, "cost")

    def _above_zero(self, name: str, default: float, of_what: str) -> float:
        value = self.text(name, "")
        try:
            number = float(value) if value else default
        except ValueError:
            raise SettingsError(f"{name} is '{value}': give a number of {of_what}") from None
        if not 0 < number < float("inf"):
            raise SettingsError(f"{name} is '{value}': give a number of {of_what} above 0")
        return number

    def months(self, name: str) -> int | None:
        value = self.text(name, "")
        if not value:
            return None
        if not (_is_number(value) and 1 <= int(value) <= 1200):
            raise SettingsError(
                f"{name} is '{value}': give a whole number of months, 1 or more, or leave it empty for no limit"
            )
        return int(value)

    def flag(self, name: str) -> bool:
        value = self.text(name, "no").lower()
        if value not in (*_YES, *_NO):
            raise SettingsError(f"{name} is '{value}': give yes or no")
        return value in _YES

    def count(self, name: str, default: int) -> int:
        value = self.text(name, "")
        if value and not (_is_number(value) and int(value) <= 10_000):
            raise SettingsError(f"{name} is '{value}': give a whole number from 0 to 10000")
        return int(value) if value else default

    def days(self, name: str, default: int) -> int:
        """Return the days that a link works. A way to leave must work for 30 days at least (CAN-SPAM)."""
        value = self.text(name, "")
        if value and not (_is_number(value) and 30 <= int(value) <= 3650):
            raise SettingsError(f"{name} is '{value}': give a whole number of days from 30 to 3650")
        return int(value) if value else default

    def limit(self, name: str, default: int) -> int:
        """Return a count that can be switched off: 0."""
        return 0 if self.text(name, "").lower() == OFF else self.count(name, default)

    def percent(self, name: str, default: float) -> float:
        value = self.text(name, "")
        try:
            number = float(value) if value else default
        except ValueError:
            number = 100.0 if value.lower() == OFF else -1.0
        if not 0 <= number <= 100:
            raise SettingsError(f"{name} is '{value}': give a percentage from 0 to 100, or off")
        return number

    def zone(self, name: str, default: str) -> str:
        value = self.text(name, default)
        if not value or _is_zone(value):
            return value
        for known in available_timezones():
            if known.lower() == value.lower():
                return known
        raise SettingsError(f"{name} is '{value}': give an IANA zone such as Europe/Berlin")

    def currency(self, name: str) -> str | None:
        value = self.text(name, "").upper()
        if value and not (len(value) == 3 and value.isascii() and value.isalpha()):
            raise SettingsError(f"{name} is '{value}': give an ISO 4217 code such as EUR, or leave it empty")
        return value or None

    def recipients(self, name: str) -> tuple[str, ...]:
        """Return addresses and @domains. Their errors do not repeat them, because they are personal data."""
        entries = self._entries(name, "addresses or @domains with commas between them, or leave it empty for everyone")
        for place, entry in enumerate(entries, start=1):
            local, at, domain = entry.rpartition("@")
            is_address = at and {"@", "*"}.isdisjoint(local) and _ENTRY.fullmatch(entry)  # a star is no pattern here
            if not is_address or not _DOMAIN.fullmatch(domain):
                raise SettingsError(
                    f"{name}: entry {place} is neither an address nor an @domain: write ann@example.com or @example.com"
                )
        return tuple(mailbox(entry) for entry in entries)

    def hosts(self, name: str) -> tuple[str, ...]:
        """Return names of hosts, without scheme and port."""
        entries = self._entries(name, "hosts with commas between them, or leave it empty for this machine alone")
        for entry in entries:
            if not _HOST.fullmatch(entry):
                raise SettingsError(f"{name}: '{entry}' is no host: write its name alone, such as simulator")
        return entries

    def _entries(self, name: str, what: str) -> tuple[str, ...]:
        """Return the entries of a list in lower case. A list without any would mean what no list means: no limit."""
        if not self._environment.get(name, ""):
            return ()
        parts = [part.strip().lower() for part in self.text(name, "").split(",")]
        if not any(parts):
            raise SettingsError(f"{name} is set and has no entry: give {what}")
        return tuple(filter(None, parts))

    def schemes(self, name: str, default: frozenset[str]) -> frozenset[str]:
        value = self.text(name, "")
        found = frozenset(one.strip().lower() for one in value.split(",")) if value else default
        if not all(map(_SCHEME.fullmatch, found)) or not found.isdisjoint(UNSAFE_SCHEMES):
            raise SettingsError(f"{name} is '{value}': give schemes with commas between them, such as https,http,app")
        return found


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER


def _is_base(value: str) -> bool:
    """Tell whether a path can be joined to a text, so that the result is an address on the same host."""
    try:
        parts = urlsplit(value)
        has_host = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_host and parts.username is None and not any(sign in value for sign in "?#\\") and _is_plain(value)


def _is_plain(value: str) -> bool:
    return value.isprintable() and not any(sign.isspace() for sign in value)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
