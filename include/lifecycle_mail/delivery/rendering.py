"""Render a claimed batch: the slots of each mail, and which mails share one request."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from lifecycle_mail.delivery.picking import PickedMail
from lifecycle_mail.errors import TemplateError
from lifecycle_mail.messages.links import make_page_token, page_links, unsubscribe_url
from lifecycle_mail.messages.packing import packer
from lifecycle_mail.messages.recommending import Shown
from lifecycle_mail.messages.shells import Shell
from lifecycle_mail.messages.slots import SlotRenderer
from lifecycle_mail.messages.snapshots import at_sending
from lifecycle_mail.messages.states import ClaimedMail, MessageKey
from lifecycle_mail.sendgrid.requests import needs_own_request
from lifecycle_mail.settings import Settings

Codes = Mapping[int, Mapping[str, Any]]
"""Code and end of the offer that a mail shows, by series."""


def without_offer(
    shell: Shell, rows: list[PickedMail], codes: Codes, now: dt.datetime
) -> tuple[list[PickedMail], list[tuple[MessageKey, str]]]:
    """Separate mails that can show what they promise from those whose offer has ended, or was never given."""
    if shell.offer is None:
        return rows, []
    go, ended = [], []
    for row in rows:
        own = codes.get(row.enrollment_id)
        if own is not None and own["valid_until"] > now:
            go.append(row)
        else:
            ended.append((row.key, "offer_not_given" if own is None else "offer_ended"))
    return go, ended


def render(
    renderer: SlotRenderer,
    settings: Settings,
    topic: str,
    rows: list[PickedMail],
    now: dt.datetime,
    recommended: Mapping[int, Shown],
    codes: Codes,
) -> tuple[list[ClaimedMail], list[tuple[MessageKey, str]]]:
    """Render the slots of each mail, in words that hold at `now`. `recommended`: products by enrollment. `codes`:
    those of the offers.

    A mail that cannot be rendered is refused by itself, with key and reason.
    """
    pack = packer(renderer.shell.slots_dictionary).pack
    last_day = (now.astimezone(dt.UTC) + dt.timedelta(days=settings.link_days)).date()
    rendered, broken = [], []
    for row in rows:
        try:
            link = unsubscribe_url(settings.public_url, settings.link_secret, row.message_id, topic)
            shown = recommended.get(row.enrollment_id, [])
            pages = page_links(settings.pages_url, make_page_token(settings.link_secret, row.message_id, last_day))
            own = codes.get(row.enrollment_id)
            rendered.append(_render_one(renderer, pack, {**pages, "unsubscribe_url": link}, row, now, shown, own))
        except TemplateError:
            broken.append((row.key, "render_failed"))
    return rendered, broken


def _render_one(
    renderer: SlotRenderer,
    pack: Callable[[bytes], bytes],
    links: dict[str, str],
    row: PickedMail,
    now: dt.datetime,
    recommended: Shown,
    offer: Mapping[str, Any] | None,
) -> ClaimedMail:
    shell = renderer.shell
    customer = {
        "first_name": row.first_name,
        "last_name": row.last_name,
        "country": row.country,
        "timezone": row.zone,
        "language": shell.language,
        "currency": shell.currency,
    }
    context = at_sending(orjson.loads(row.context), shell.currency, now)
    slots = renderer.render(customer, context, links, offer, recommended)
    # Copied, because orjson's result holds four times the memory it needs for as long as the mail is kept.
    plain = bytes(memoryview(orjson.dumps(slots.substitutions)))
    return ClaimedMail(row.key, row.message_id, row.email, links["unsubscribe_url"], slots.subject, plain, pack(plain))


def parted_by_size(mails: list[ClaimedMail]) -> tuple[list[ClaimedMail], list[MessageKey]]:
    """Separate mails that share a request from those too large for it; if all are, the first goes alone."""
    large: list[ClaimedMail] = []
    others: list[ClaimedMail] = []
    for mail in mails:
        (large if needs_own_request(mail) else others).append(mail)
    together, apart = (others, large) if others else (large[:1], large[1:])
    return together, [mail.key for mail in apart]
