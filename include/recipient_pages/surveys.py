"""What a mail asks: the questions and answers behind its links, read from the mail itself.

The link of an answer stands in the part that all recipients share. So a page needs no list of surveys: what the mail
did not ask cannot be answered, and the words of the page are those of the mail, in its language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from lifecycle_mail.messages.dialect import TOKEN_CLOSE

_LINK = re.compile(re.escape(TOKEN_CLOSE) + r"/survey/([a-z0-9_]{1,40})/([a-z0-9_]{1,40})$")


@dataclass(frozen=True)
class Survey:
    """One question: its word, its text, and the answers (word, text) in the mail's order."""

    name: str
    question: str
    answers: tuple[tuple[str, str], ...]


def surveys_in(shared_html: str) -> dict[str, Survey]:
    """Return the surveys of a mail by name."""
    reader = _Links()
    reader.feed(shared_html)
    reader.close()
    found: dict[str, Survey] = {}
    for name, answer, question, label in reader.found:
        before = found.get(name, Survey(name, question, ()))
        if answer not in dict(before.answers):
            found[name] = Survey(name, before.question, (*before.answers, (answer, " ".join(label.split()) or answer)))
    return found


class _Links(HTMLParser):
    """Collects survey, answer, question and label of each link to a survey."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str, str]] = []
        self._open: tuple[str, str, str] | None = None
        self._label = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a link to a survey."""
        given = dict(attrs)
        link = _LINK.search(given.get("href") or "") if tag == "a" else None
        if link:
            self._open, self._label = (link[1], link[2], given.get("title") or ""), ""

    def handle_data(self, data: str) -> None:
        """Collect the words of the link."""
        self._label += data

    def handle_endtag(self, tag: str) -> None:
        """End the link."""
        if tag == "a" and self._open:
            self.found.append((*self._open, self._label))
            self._open = None
