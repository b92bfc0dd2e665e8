"""The collector's settings, read once from the environment.

LIFECYCLE_EVENTS_DIR                 folder the files are written to (required; must exist)
SENDGRID_WEBHOOK_PUBLIC_KEY          the webhook's public key, base64 DER or PEM (this or the next); several, with
                                     commas or line ends between, while a key is replaced
SENDGRID_WEBHOOK_PUBLIC_KEY_FILE     a file that holds it, or them
LIFECYCLE_LINK_SECRET                signs unsubscribe links; without it those of development are read
LIFECYCLE_MODE                       live refuses to start without a link secret of its own
LIFECYCLE_COLLECTOR_TOLERANCE_HOURS  oldest signature taken, default 26: SendGrid retries for 24 hours
LIFECYCLE_COLLECTOR_MAX_BODY_BYTES   largest post taken, default 2,000,000: SendGrid posts at most 768 kB
LIFECYCLE_COLLECTOR_MAX_FILE_BYTES   a file is closed beyond this size, default 256,000,000
LIFECYCLE_COLLECTOR_HEADER_SECONDS   a request's header has so long to arrive, default 10
LIFECYCLE_COLLECTOR_BODY_SECONDS     and its body after it, and then its answer to leave, default 15
LIFECYCLE_COLLECTOR_MAX_CONNECTIONS  open at once in a process, default 500
LIFECYCLE_COLLECTOR_MAX_HELD_BYTES   of all unanswered bodies of a process, default 64,000,000
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from event_collector.signature import KeyUnusable, read_public_keys

INSECURE = "LIFECYCLE_COLLECTOR_WITHOUT_SIGNATURE"
"""Set by --insecure-without-signature for the worker processes; not meant to be set by hand."""


DEVELOPMENT_SECRET = "development-link-secret"
"""What the library signs with if no secret is set. It is no secret: anyone can make links with it."""


MODES = ("", "preview", "simulate", "live")


class CollectorError(Exception):
    """The collector cannot start; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class CollectorSettings:
    """`public_keys`: a signature by any of them is good; empty only if signatures are switched off for a test."""

    events_dir: Path
    public_keys: tuple[ec.EllipticCurvePublicKey, ...] = field(repr=False)
    link_secret: str = field(repr=False)
    tolerance_seconds: float
    max_body_bytes: int
    max_file_bytes: int
    header_seconds: float = 10.0
    body_seconds: float = 15.0
    max_connections: int = 500
    max_held_bytes: int = 64_000_000

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "CollectorSettings":
        """Read the settings. Raises: CollectorError, one readable line."""
        settings = cls(
            events_dir=_events_dir(env),
            public_keys=() if env.get(INSECURE) == "1" else _public_keys(env),
            link_secret=_link_secret(env),
            tolerance_seconds=read_number(env, "LIFECYCLE_COLLECTOR_TOLERANCE_HOURS", 26) * 3600,
            max_body_bytes=int(read_number(env, "LIFECYCLE_COLLECTOR_MAX_BODY_BYTES", 2_000_000, at_least=1)),
            max_file_bytes=int(read_number(env, "LIFECYCLE_COLLECTOR_MAX_FILE_BYTES", 256_000_000, at_least=1)),
            header_seconds=read_number(env, "LIFECYCLE_COLLECTOR_HEADER_SECONDS", 10),
            body_seconds=read_number(env, "LIFECYCLE_COLLECTOR_BODY_SECONDS", 15),
            max_connections=int(read_number(env, "LIFECYCLE_COLLECTOR_MAX_CONNECTIONS", 500, at_least=1)),
            max_held_bytes=int(read_number(env, "LIFECYCLE_COLLECTOR_MAX_HELD_BYTES", 64_000_000)),
        )
        if settings.max_held_bytes < 2 * settings.max_body_bytes:
            raise CollectorError(
                "LIFECYCLE_COLLECTOR_MAX_HELD_BYTES must be at least two times LIFECYCLE_COLLECTOR_MAX_BODY_BYTES"
            )
        return settings


def check_writable(folder: Path) -> None:
    """Make and remove a file in the folder. Raises: CollectorError."""
    probe = folder / f".writable-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        with probe.open("wb") as file:
            file.write(b"\n")
        probe.unlink()
    except OSError as error:
        probe.unlink(missing_ok=True)
        raise CollectorError(
            f"cannot write to the events folder {folder}: {error.strerror}; set LIFECYCLE_EVENTS_DIR"
        ) from error


def _events_dir(env: Mapping[str, str]) -> Path:
    written = env.get("LIFECYCLE_EVENTS_DIR", "").strip()
    if not written:
        raise CollectorError("LIFECYCLE_EVENTS_DIR is not set: name the folder for event files")
    if written[:1] in ("'", '"') and written[-1:] == written[:1]:
        raise CollectorError("LIFECYCLE_EVENTS_DIR stands in quotes, and they are part of the value: take them out")
    folder = Path(written).expanduser()
    if not folder.is_dir():
        raise CollectorError(f"the events folder {folder} does not exist: make it, or set LIFECYCLE_EVENTS_DIR")
    check_writable(folder)
    return folder


def _public_keys(env: Mapping[str, str]) -> tuple[ec.EllipticCurvePublicKey, ...]:
    source, text = "SENDGRID_WEBHOOK_PUBLIC_KEY", env.get("SENDGRID_WEBHOOK_PUBLIC_KEY", "")
    file = env.get("SENDGRID_WEBHOOK_PUBLIC_KEY_FILE", "")
    if not text and file:
        source = f"SENDGRID_WEBHOOK_PUBLIC_KEY_FILE {file}"
        try:
            text = Path(file).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise CollectorError(f"cannot read {source}: {error}") from error
    if not text.strip(" \t\r\n,"):
        raise CollectorError(
            "no webhook key: set SENDGRID_WEBHOOK_PUBLIC_KEY or SENDGRID_WEBHOOK_PUBLIC_KEY_FILE "
            "to the public key of SendGrid's signed event webhook"
        )
    try:
        return read_public_keys(text)
    except KeyUnusable as error:
        raise CollectorError(f"cannot use {source}: {error}") from error


def _link_secret(env: Mapping[str, str]) -> str:
    """Return the secret as the library reads it, or that of development."""
    secret = env.get("LIFECYCLE_LINK_SECRET", "").strip()
    if secret[:1] in ("'", '"') and secret[-1:] == secret[:1]:
        raise CollectorError("LIFECYCLE_LINK_SECRET stands in quotes, and they are part of the value: take them out")
    if secret in ("", DEVELOPMENT_SECRET) and _mode(env) == "live":
        raise CollectorError("mode live needs LIFECYCLE_LINK_SECRET: give the collector the one that signs the mails")
    return secret or DEVELOPMENT_SECRET


def _mode(env: Mapping[str, str]) -> str:
    """Return the mode. One that the library refuses is refused: it may be meant to be live."""
    mode = env.get("LIFECYCLE_MODE", "").strip()
    if mode not in MODES:
        raise CollectorError(f"LIFECYCLE_MODE is {mode!r}: choose one of {', '.join(filter(None, MODES))}")
    return mode


def read_number(env: Mapping[str, str], name: str, default: float, at_least: float = 0) -> float:
    """Return a setting that is a number above 0. Raises: CollectorError."""
    try:
        number = float(env.get(name, "").strip() or default)
    except ValueError as error:
        raise CollectorError(f"{name} must be a number, not {env[name]!r}") from error
    if not 0 < number < float("inf"):
        raise CollectorError(f"{name} must be above 0, not {env[name]!r}")
    if number < at_least:
        raise CollectorError(f"{name} must be at least {at_least:g}, not {env[name]!r}")
    return number
