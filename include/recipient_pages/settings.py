"""The settings of the pages, read once from the environment.

LIFECYCLE_PAGES_DATABASE_URL      the warehouse, as the role lifecycle_pages or a user that was granted it (required)
LIFECYCLE_EVENTS_DIR              folder the answers are written to (required; must exist)
LIFECYCLE_LINK_SECRET             signs the links; without it those of development are read
LIFECYCLE_FORMER_LINK_SECRETS     earlier secrets, with commas between; links that they signed still work
LIFECYCLE_MODE                    live refuses to start without a link secret of its own
LIFECYCLE_BRAND_FILE, LIFECYCLE_TOPICS_FILE, LIFECYCLE_POSTAL_ADDRESS   as in the library
LIFECYCLE_PAGES_HEADER_SECONDS    a request's header has so long to arrive, default 10
LIFECYCLE_PAGES_BODY_SECONDS      and its body after it, and then its answer to leave, default 15
LIFECYCLE_PAGES_MAX_CONNECTIONS   open at once in a process, default 500
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from event_collector.settings import CollectorError, check_writable, read_number
from lifecycle_mail.campaigns import Brand, Topic, read_brand, read_topics
from lifecycle_mail.errors import LifecycleError
from lifecycle_mail.settings import DEVELOPMENT_SECRET, Settings

MAX_HELD_BYTES = 16_000_000
MAX_FILE_BYTES = 256_000_000


class PagesError(Exception):
    """The pages cannot start; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class PagesSettings:
    """`link_secrets`: a link signed by any of them is good, the first one signs today."""

    database_url: str = field(repr=False)
    events_dir: Path
    link_secrets: tuple[str, ...] = field(repr=False)
    brand: Brand
    topics: Mapping[str, Topic]
    header_seconds: float = 10.0
    body_seconds: float = 15.0
    max_connections: int = 500
    max_held_bytes: int = MAX_HELD_BYTES

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> PagesSettings:
        """Read the settings. Raises: PagesError, one readable line."""
        try:
            return cls._read(env)
        except (LifecycleError, CollectorError) as problem:
            raise PagesError(str(problem)) from problem

    @classmethod
    def _read(cls, env: Mapping[str, str]) -> PagesSettings:
        shared = Settings.from_environment(env, database=False)
        brand = read_brand(shared.brand_file, postal_address=shared.postal_address)
        topics = read_topics(shared.topics_file)
        if shared.mode == "live" and shared.link_secret == DEVELOPMENT_SECRET:
            raise PagesError("mode live needs LIFECYCLE_LINK_SECRET: give the pages the one that signs the mails")
        former = tuple(filter(None, (one.strip() for one in env.get("LIFECYCLE_FORMER_LINK_SECRETS", "").split(","))))
        return cls(
            database_url=_database_url(env),
            events_dir=_events_dir(shared.events_dir),
            link_secrets=(shared.link_secret, *former),
            brand=brand,
            topics=topics,
            header_seconds=read_number(env, "LIFECYCLE_PAGES_HEADER_SECONDS", 10, at_least=1),
            body_seconds=read_number(env, "LIFECYCLE_PAGES_BODY_SECONDS", 15, at_least=1),
            max_connections=int(read_number(env, "LIFECYCLE_PAGES_MAX_CONNECTIONS", 500, at_least=1)),
        )


def _database_url(env: Mapping[str, str]) -> str:
    url = env.get("LIFECYCLE_PAGES_DATABASE_URL", "").strip()
    if not url:
        raise PagesError(
            "LIFECYCLE_PAGES_DATABASE_URL is not set: give the warehouse's address with the user lifecycle_pages"
        )
    return url


def _events_dir(folder: Path | None) -> Path:
    if folder is None:
        raise PagesError("LIFECYCLE_EVENTS_DIR is not set: name the folder for what people answer")
    if not folder.is_dir():
        raise PagesError(f"the events folder {folder} does not exist: make it, or set LIFECYCLE_EVENTS_DIR")
    check_writable(folder)
    return folder
