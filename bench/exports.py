"""Event exports as the provider writes them, for benchmarks. They are made up, and the same on every run."""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
)


class Mail(NamedTuple):
    """A mail that the provider took: its place among all mails, its id, its epoch second, and its customer's number."""

    place: int
    message_id: str
    sent_at: int
    customer: int


def address_of(customer: int) -> str:
    """Return a customer's address: as scattered as addresses are."""
    return hashlib.md5(b"a%d" % customer, usedforsecurity=False).hexdigest()[:12] + "@example.com"


def write_export(export: Path, mails: Iterable[Mail], most: int, seed: int = 1) -> int:
    """Write up to `most` events in the order of time; return how many. One in twenty is repeated up to a day later, as
    a provider repeats a post without an answer."""
    chance = random.Random(seed)
    waiting: list[tuple[int, int, bytes]] = []
    written = number = 0
    with export.open("wb") as stream:
        for mail in mails:
            while waiting and waiting[0][0] <= mail.sent_at and written < most:
                stream.write(heapq.heappop(waiting)[2])
                written += 1
            for seconds, line in story(chance, mail):
                number += 1
                heapq.heappush(waiting, (mail.sent_at + seconds, number, line))
                if chance.random() < 0.05:
                    heapq.heappush(waiting, (mail.sent_at + seconds + chance.randrange(60, 86_400), -number, line))
        while waiting and written < most:
            stream.write(heapq.heappop(waiting)[2])
            written += 1
    return written


def story(chance: random.Random, mail: Mail) -> Iterator[tuple[int, bytes]]:
    """Yield what happens to one mail: seconds after it was sent, and the event's line."""
    place, address = mail.place, address_of(mail.customer)
    smtp = f',"smtp-id":"<{place:x}@geopod-ismtpd-3>"'

    def line(kind: str, seconds: int, rest: str) -> tuple[int, bytes]:
        identity = f"{chance.getrandbits(96):024x}{chance.getrandbits(48):012x}"
        text = (
            f'{{"lm_message_id":"{mail.message_id}","email":"{address}","timestamp":{mail.sent_at + seconds},'
            f'"event":"{kind}","sg_event_id":"{identity}",'
            f'"sg_message_id":"{place:022x}.recvd-7c9d4b-1-6A2F-{place % 1000}.0",'
            f'"category":["cart_abandoned"]{rest}}}\n'
        )
        return seconds, text.encode()

    draw = chance.random()
    yield line("processed", 1, smtp)
    if draw < 0.004:
        yield line("dropped", 2, smtp + ',"reason":"Bounced Address","status":"5.0.0"')
        return
    if draw < 0.012:
        reason = f"550 5.1.1 The account {address} that you tried to reach does not exist."
        said = f',"type":"bounce","reason":"{reason}","status":"5.1.1","ip":"198.51.100.7","tls":1'
        yield line("bounce", 4, smtp + said)
        return
    if draw < 0.03:
        answer = ',"ip":"198.51.100.7","response":"451 4.7.1 Greylisted, please try again later","attempt":"1","tls":1'
        yield line("deferred", 3, smtp + answer)
    taken = ',"ip":"198.51.100.7","response":"250 2.0.0 OK","tls":1'
    yield line("delivered", 5 + int(60 * chance.random()), smtp + taken)
    if chance.random() < 0.25:
        machine = ',"ip":"192.0.2.17","useragent":"Mozilla/5.0","sg_machine_open":true,"sg_content_type":"html"'
        yield line("open", 70, machine)
    if chance.random() > 0.36:
        return
    reader = f',"ip":"203.0.113.{1 + place % 250}","useragent":"{AGENTS[place % 2]}"'
    opened = 120 + int(chance.expovariate(1 / 20_000))
    for visit in range(1 + (chance.random() < 0.4)):
        yield line("open", opened + visit * 900, reader + ',"sg_machine_open":false,"sg_content_type":"html"')
    if chance.random() < 0.3:
        page = f"https://shop.example.com/p/{place % 5000}?utm_campaign=cart_abandoned"
        yield line("click", opened + 40, reader + f',"url":"{page}","url_offset":{{"index":2,"type":"html"}}')
    if draw > 0.997:
        yield line("group_unsubscribe", opened + 60, reader + ',"asm_group_id":7')
    elif draw > 0.996:
        yield line("unsubscribe", opened + 60, reader)
    elif draw > 0.995:
        yield line("spamreport", opened + 60, "")
