"""What a page may know of the mail behind its link: two functions of the warehouse, called with the mail's id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from lifecycle_mail.database import engine
from lifecycle_mail.messages.packing import packer
from lifecycle_mail.messages.shells import RenderedMail, Shell, rebuild
from recipient_pages.settings import PagesError

_STATE = sa.text("select * from event.page_of(cast(:message_id as uuid))")
_COPY = sa.text("select * from event.copy_of(cast(:message_id as uuid))")
_RIGHTS = sa.text("""select
    coalesce(bool_or(has_function_privilege(callable.oid, 'execute')), false) as may_read,
    coalesce(bool_or(has_table_privilege(people.oid, 'select')), false) as may_read_people
    from pg_class as people
    inner join pg_namespace as place on people.relnamespace = place.oid and place.nspname = 'source'
    left join pg_proc as callable on callable.proname = 'page_of'
    where people.relname = 'customer'""")
CONNECT_SECONDS = 3


class NotReadable(Exception):
    """The warehouse cannot be read just now."""


@dataclass(frozen=True)
class Recipient:
    """What a page may know; the columns are those of event.page_of."""

    topic: str
    language: str
    masked_address: str
    permission: str
    topics_left: tuple[str, ...]
    is_barred: bool
    asks_birthday: bool

    @property
    def shown_address(self) -> str:
        """The masked address, which no line breaks after its first sign."""
        return self.masked_address.replace("…", "…\u2060")

    @property
    def has_left_all(self) -> bool:
        """Tell whether the person left everything."""
        return "all" in self.topics_left or self.permission == "withdrawn"


@dataclass(frozen=True)
class Copy:
    """The exact mail, and the html that all its recipients share."""

    mail: RenderedMail
    shared_html: str
    language: str


class Reader:
    """Reads for the pages; safe to share between threads."""

    def __init__(self, database_url: str) -> None:
        self._engine: Engine = engine(database_url, connections=5, connect_seconds=CONNECT_SECONDS)

    def require_few_rights(self) -> None:
        """Refuse a user that may do more than the pages need.

        Raises:
            PagesError: the user may read customers, or may not call the functions of the pages.
        """
        try:
            with self._engine.connect() as connection:
                rights = connection.execute(_RIGHTS).one()
        except DBAPIError:
            raise PagesError(
                "the warehouse does not answer, or lacks the functions of the pages: check "
                "LIFECYCLE_PAGES_DATABASE_URL, and run `python -m lifecycle_mail migrate`"
            ) from None
        if rights.may_read_people:
            raise PagesError("this user may read customers: the pages need the user lifecycle_pages, who may not")
        if not rights.may_read:
            raise PagesError("this user may not call event.page_of: grant it the role lifecycle_pages")

    def recipient(self, message_id: str) -> Recipient | None:
        """Return what is known of the mail's recipient; None = the mail is not known, or its recipient was erased.

        Raises: NotReadable.
        """
        row = self._one(_STATE, message_id)
        return None if row is None else Recipient(**{**row, "topics_left": tuple(row["topics_left"])})

    def copy(self, message_id: str) -> Copy | None:
        """Return the mail as it was sent; None as for `recipient`. Raises: NotReadable."""
        row = self._one(_COPY, message_id)
        if row is None:
            return None
        shell = Shell(
            row["template"], campaign="", step="", variant=None, language=row["language"], currency="",
            template_version="", token=row["token"], html=row["html"], text=row["text_part"], subject=row["subject"],
            preheader="", slot_tokens={}, brand={},
        )  # fmt: skip
        slots = packer(bytes(row["slots_dictionary"] or b"")).unpack(bytes(row["slots"]))
        return Copy(rebuild(shell, slots, row["own_subject"]), shell.html, shell.language)

    def is_there(self) -> bool:
        """Tell whether the warehouse answers."""
        try:
            with self._engine.connect() as connection:
                return bool(connection.execute(sa.text("select 1")).scalar_one())
        except DBAPIError:
            return False

    def _one(self, query: sa.TextClause, message_id: str) -> Mapping[str, Any] | None:
        try:
            with self._engine.connect() as connection:
                row = connection.execute(query, {"message_id": message_id}).mappings().first()
        except (DBAPIError, sa.exc.TimeoutError):
            raise NotReadable from None
        return None if row is None else dict(row)
