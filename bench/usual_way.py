"""The peer of the delivery benchmark: how mails are usually sent from an Airflow task.

pandas reads the rows. The whole mail is rendered for each row and sent by one call of SendGrid's own client, which
opens a connection per call. Rendering uses this product's compiled slots, which is faster for the peer than a template
that is read each time. Nothing is claimed, checked or recorded.
"""

from __future__ import annotations

import time
from typing import Any

import pandas as pd
from measuring import INCLUDE
from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import Content, From, Mail, Subject, To
from sqlalchemy.engine import Engine

from lifecycle_mail.messages import load_shell
from lifecycle_mail.messages.shells import Shell, rebuild
from lifecycle_mail.messages.slots import SlotRenderer
from lifecycle_mail.messages.templates import TemplateLibrary

ROWS = """select
    c.email, c.first_name, c.country, coalesce(c.timezone, 'UTC') as zone, e.context, m.message_id, m.shell_id
from message.message as m
inner join journey.enrollment as e on m.enrollment_id = e.enrollment_id
inner join source.customer as c on m.customer_id = c.customer_id
limit {mails}"""


def usual_rate(own: Engine, url: str, api_key: str, mails: int) -> float:
    """Return the mails per second of the usual way: one process, as one task is."""
    client = SendGridAPIClient(api_key=api_key, host=url)
    started = time.perf_counter()
    rows = pd.read_sql(ROWS.format(mails=mails), own)
    shells = _Shells(own)
    for row in rows.itertuples():
        client.send(_mail(row, *shells.of(int(row.shell_id))))
    return len(rows) / (time.perf_counter() - started)


class _Shells:
    def __init__(self, own: Engine) -> None:
        self._own = own
        self._library = TemplateLibrary(INCLUDE / "templates")
        self._kept: dict[int, tuple[Shell, SlotRenderer]] = {}

    def of(self, shell_id: int) -> tuple[Shell, SlotRenderer]:
        if shell_id not in self._kept:
            with self._own.connect() as connection:
                shell = load_shell(connection, shell_id)
            self._kept[shell_id] = (shell, self._library.slots(shell))
        return self._kept[shell_id]


def _mail(row: Any, shell: Shell, renderer: SlotRenderer) -> Mail:
    customer = {
        "first_name": row.first_name, "last_name": None, "country": row.country, "timezone": row.zone,
        "language": shell.language, "currency": shell.currency,
    }  # fmt: skip
    link = f"https://mail.example.com/unsubscribe/{row.message_id}"
    links = {"unsubscribe_url": link, "page_url": f"https://mail.example.com/m/{row.message_id}"}
    slots = renderer.render(customer, row.context, links, None)
    whole = rebuild(shell, slots.substitutions, slots.subject)
    return Mail(
        From("shop@example.com"), To(row.email), Subject(whole.subject),
        html_content=Content("text/html", whole.html), plain_text_content=Content("text/plain", whole.text),
    )  # fmt: skip
