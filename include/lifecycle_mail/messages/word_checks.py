"""What the words of a template say that should not be sent, by the catalogue of the brand's language.

Words are read as they stand in the catalogue, with their {placeholders}: what a recipient's data adds is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lifecycle_mail.errors import TemplateError
from lifecycle_mail.messages.graphemes import graphemes
from lifecycle_mail.messages.promises import INCENTIVE, broken_promises
from lifecycle_mail.messages.templates import TemplateLibrary

LONGEST_SUBJECT = 60
_PHRASES = Path(__file__).with_name("spam_phrases.txt")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True)
class StepWords:
    """A step as its words need to know it: its template, what it may promise, and whether it asks for a review."""

    template: str
    there: frozenset[str]
    asks_for_review: bool


def wrong_words(library: TemplateLibrary, language: str, step: StepWords) -> Iterator[TemplateError]:
    """Yield promises that the step cannot keep, and incentives in a mail that asks for a review."""
    for where, text in _words(library, language, step.template):
        for phrase, promise in broken_promises(text, set(step.there)):
            needs = f", it needs {' or '.join(promise.needs)}" if promise.needs else ""
            yield TemplateError(f"{where} promises '{phrase}'{needs}: {promise.because}")
        if step.asks_for_review and (found := INCENTIVE.search(text)):
            yield TemplateError(f"{where} has '{found[0]}': a mail that asks for a review offers nothing for it")


def doubtful_words(library: TemplateLibrary, language: str, template: str) -> Iterator[str]:
    """Yield subjects that are too long, and phrases that look like spam."""
    for where, text in _words(library, language, template):
        length = graphemes(_PLACEHOLDER.sub("", text))
        if re.search(r"\.subject\w*", where) and length > LONGEST_SUBJECT:
            yield f"{where} has {length} characters, and phones show {LONGEST_SUBJECT} at most: shorten it"
        for phrase, source in spam_phrases():
            if found := phrase.search(text):
                yield f"{where} has '{found[0]}', which looks like spam ({source}): say it in other words"


@cache
def spam_phrases() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the phrases, each with the published source that names it."""
    lines = [line for line in _PHRASES.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    split = [line.split(" :: ") for line in lines]
    return tuple((re.compile(rf"(?i)(?<!\w)(?:{phrase})"), source) for phrase, source in split)


def _words(library: TemplateLibrary, language: str, template: str) -> Iterator[tuple[str, str]]:
    """Yield where each message of a template stands, and its text; of a plural, each of its forms."""
    wording = library.wording(language)
    begins = template.replace("/", ".") + "."
    for key, message in wording.messages.items():
        if key.startswith(begins):
            forms: Mapping[str, str] = message if isinstance(message, Mapping) else {"": message}
            yield from ((f"{wording.path.name}: {key}", str(text)) for text in forms.values())
