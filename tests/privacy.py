"""People one can recognize, a provider that quotes them in its refusals, and a search for them in every disguise.

A leak is a pair (place, word): the name of a file, table or column, and the personal word that was found in it.
"""

from __future__ import annotations

import html
import json
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from sqlalchemy.engine import Engine

import running_services
from airflow_world import Person

PEOPLE = [
    Person(
        "accent", "zenobia.o'quirke@example.com", "Žofie-Ångström", "O'Quirke-Łuczak",
        region="Västerquirkland", city="Łuczakowo Małe",
    ),
    Person("refused", "thorbjorn.o'dwyer+vip@example.com", "Þorbjörn", "O'Dwyer & Søn"),
    Person("broken", "ermengarde.q'tip@example.com", "Ermengarde-Ñuño", "Q'Tip <Ωmega>"),
    Person("changed", "xanthippe.vandersloot@example.com", "Xanthippe", "van der Sløøt"),
]
REFUSED = PEOPLE[1].email
WORDS = [
    "zenobia.o'quirke", "Žofie-Ångström", "Ångström", "O'Quirke-Łuczak", "Quirke",
    "thorbjorn.o'dwyer", "dwyer+vip", "Þorbjörn", "O'Dwyer & Søn", "Dwyer",
    "ermengarde.q'tip", "Ermengarde", "Q'Tip <Ωmega>", "Ωmega",
    "Västerquirkland", "Łuczakowo Małe", "xanthippe.vandersloot", "Xanthippe", "van der Sløøt", "vandersloot",
]  # fmt: skip
SECRETS = [running_services.API_KEY, "link-secret-for-tests"]

# Where the warehouse may know people; every other column may not. The rest of the list is the schema's.
PERSONAL = {
    "source.customer": {"email", "address", "first_name", "last_name", "region", "city"},
    "source.former_address": {"address"},
    "source.permission_change": {"address"},
    "source.feed_word": {"address"},
    "source.rejected": {"row_text"},
    "message.message": {"slots", "subject"},
    "event.event": {"address", "raw"},
    "event.rejected": {"raw"},
    "event.suppression": {"address"},
    "event.suppression_lift": {"address"},
    "event.word": {"address"},
    "event.soft_bounce": {"address"},
}


def forms(word: str) -> set[str]:
    """A word as it may stand in a text: plain, in JSON, HTML, SQL, a URL, a Python repr; without regard to case."""
    plain = {
        word,
        json.dumps(word)[1:-1],
        json.dumps(json.dumps(word))[3:-3],
        html.escape(word),
        word.replace("'", "''"),
        word.replace("'", "\\'"),
        urllib.parse.quote(word),
        urllib.parse.quote_plus(word),
        word.encode("unicode_escape").decode(),
        ascii(word.encode())[2:-1],
    }
    return {one.casefold() for one in plain}


def leaks(places: Mapping[str, str], words: list[str] | None = None) -> set[tuple[str, str]]:
    """Every place that holds one of `words` (default: people and secrets) in any form."""
    searched = {word: forms(word) for word in (WORDS + SECRETS if words is None else words)}
    found = set()
    for place, text in places.items():
        folded = text.casefold()
        found |= {(place, word) for word, ways in searched.items() if any(way in folded for way in ways)}
    return found


def files_below(*folders: Path) -> dict[str, str]:
    """The text of every file below `folders`, by path."""
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    return {str(file): file.read_text(errors="replace") for file in files}


def columns_of(database: Engine, known: Mapping[str, set[str]] | None = None) -> dict[str, str]:
    """Every column of every table as text, by schema.table.column, without those of `known`."""
    allowed = known or {}
    query = sa.text(
        "select n.nspname, c.relname, a.attname from pg_attribute as a inner join pg_class as c on a.attrelid = c.oid"
        " inner join pg_namespace as n on c.relnamespace = n.oid where c.relkind in ('r', 'p')"
        " and not c.relispartition and a.attnum > 0 and not a.attisdropped"
        " and n.nspname not in ('pg_catalog', 'information_schema') order by 1, 2, 3"
    )
    found = {}
    with database.connect() as connection:
        for schema, table, column in connection.execute(query):
            if column not in allowed.get(f"{schema}.{table}", set()):
                text = f'select string_agg(distinct cast("{column}" as text), chr(10)) from "{schema}"."{table}"'  # noqa: S608
                found[f"{schema}.{table}.{column}"] = connection.execute(sa.text(text)).scalar_one() or ""
    return found


@dataclass
class QuotingProvider:
    """Stands before the simulator: refuses one recipient with its address in the text, and keeps every body."""

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def kept_for_good(self) -> dict[str, str]:
        """What SendGrid keeps and shows its staff: custom arguments, categories, headers, groups."""
        texts = []
        for body in self.bodies:
            shared = {name: body.get(name) for name in ("categories", "custom_args", "headers", "asm", "batch_id")}
            own = [
                {name: one.get(name) for name in ("custom_args", "headers")} for one in body["personalizations"]
            ]
            texts.append(json.dumps([shared, own], ensure_ascii=False))
        return {"custom_args, categories and headers": "\n".join(texts)}


@contextmanager
def quoting_provider(simulator_url: str) -> Iterator[QuotingProvider]:
    """Run a QuotingProvider before the simulator."""
    client = httpx.Client(base_url=simulator_url, timeout=60, trust_env=False)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            body = json.loads(sent)
            provider.bodies.append(body)
            to = [person["to"][0]["email"] for person in body["personalizations"]]
            if REFUSED in to:
                place = to.index(REFUSED)
                text = f"The address '{REFUSED}' (to={REFUSED}) does not contain a valid address: {REFUSED}."
                error = {"message": text, "field": f"personalizations.{place}.to.0.email", "help": REFUSED}
                self._answer(400, json.dumps({"errors": [error]}).encode(), {})
                return
            headers = {"Authorization": self.headers["Authorization"], "Content-Type": "application/json"}
            answer = client.post(self.path, content=sent, headers=headers)
            named = {name: answer.headers[name] for name in ("X-Message-Id",) if name in answer.headers}
            self._answer(answer.status_code, answer.content, named)

        def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: what this prints is no part of the product."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider = QuotingProvider(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        client.close()


def break_a_snapshot(warehouse: Engine) -> None:
    """Let the mail of 'broken' fail while it is rendered: its snapshot lacks what the template needs."""
    with warehouse.begin() as connection:
        for table in ("segment.membership", "journey.enrollment"):
            connection.execute(
                sa.text(f"update {table} set context = '{{\"cart_id\": \"x\"}}' where customer_id = 'broken'")  # noqa: S608
            )


def forbid_a_claim(warehouse: Engine) -> None:
    """Let claims fail inside the database, with an error whose details quote the mail of 'changed' and its slots."""
    with warehouse.begin() as connection:
        connection.execute(
            sa.text(
                "alter table message.message add constraint no_claim"
                " check (state <> 'claimed' or customer_id <> 'changed') not valid"
            )
        )


def permit_claims(warehouse: Engine) -> None:
    """Undo `forbid_a_claim`."""
    with warehouse.begin() as connection:
        connection.execute(sa.text("alter table message.message drop constraint no_claim"))
