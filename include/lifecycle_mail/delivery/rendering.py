"""Render a claimed batch: the slots of each mail, and which mails share one request."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

import orjson

from lifecycle_mail.delivery.picking import PickedMail
from lifecycle_mail.errors import TemplateError
from lifecycle_mail.messages.links import make_page_token, page_links, unsubscribe_url
from lifecycle_mail.messages.packing import packer
from lifecycle_mail.messages.recommending import Shown
from lifecycle_mail.messages.slots import SlotRenderer
from lifecycle_mail.messages.snapshots import at_sending
from lifecycle_mail.messages.states import ClaimedMail, MessageKey
from lifecycle_mail.sendgrid.requests import needs_own_request
from lifecycle_mail.settings import Settings


def render(
    renderer: SlotRenderer,
    settings: Settings,
    topic: str,
    rows: list[PickedMail],
    now: dt.datetime,
    recommended: Mapping[int, Shown],
) -> tuple[list[ClaimedMail], list[tuple[MessageKey, str]]]:
    """Render the slots of each mail, in words that hold at `now`. `recommended`: products by enrollment.

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
            rendered.append(_render_one(renderer, pack, {**pages, "unsubscribe_url": link}, row, now, shown))
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
    slots = renderer.render(customer, context, links, None, recommended)
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
