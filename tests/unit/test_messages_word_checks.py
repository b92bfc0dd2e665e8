"""Words that should not be sent: promises that nothing keeps, phrases that look like spam, subjects that are cut."""

from __future__ import annotations

import re

import pytest
import regex

from lifecycle_mail.messages.graphemes import graphemes
from lifecycle_mail.messages.promises import CALENDAR, FREE_DELIVERY, MOMENT, OFFER, broken_promises
from lifecycle_mail.messages.word_checks import spam_phrases


@pytest.mark.parametrize(
    "text",
    [
        "", "Hello", "e\u0301a", "สวัสดีครับ น้ำ", "שָׁלוֹם", "سلام‌ها", "👩‍👩‍👧‍👦 family", "🇹🇭🇹🇼 flags", "👍🏽 thumbs",
        "❤️", "한국어", "한국", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "①",
    ],
)  # fmt: skip
def test_a_reader_sees_as_many_characters(text: str) -> None:
    """As many as the clusters of Unicode, in all scripts of the samples, in pictures and flags."""
    assert graphemes(text) == len(regex.findall(r"\X", text))


@pytest.mark.parametrize(
    ("words", "keeps", "phrase"),
    [
        ("You left items and asked us to remind you.", "reminder_asked_at", "asked us to remind"),
        ("They wait in your basket.", "cart_id", "wait in your basket"),
        ("You left tea in your cart.", "carted", "left tea in your cart"),
        ("Thank you for your recent order.", "order_id", "your recent order"),
        ("The tea you looked at.", "product_id", "you looked at"),
        ("Your seat is kept.", "occasion_id", "Your seat"),
        ("Your contract ends.", "contract_id", "Your contract"),
        ("Your points are waiting.", "points", "Your points"),
        ("Now 10% off.", OFFER, "10% off"),
        ("With free delivery.", FREE_DELIVERY, "free delivery"),
        ("Until 24 December.", CALENDAR, "24 December"),
        ("We begin tomorrow.", MOMENT, "tomorrow"),
    ],
)
def test_a_promise_is_kept_by_what_it_needs(words: str, keeps: str, phrase: str) -> None:
    """Without it the phrase is found, and with it nothing is."""
    assert [found for found, _ in broken_promises(words, set())] == [phrase]
    assert list(broken_promises(words, {keeps})) == []


def test_nothing_keeps_the_promise_of_one_click() -> None:
    """A link leads to a page with a button."""
    everything = {OFFER, FREE_DELIVERY, CALENDAR, MOMENT, "cart_id", "order_id"}
    assert [found for found, _ in broken_promises("Just one click and we stop.", everything)] == ["one click"]


@pytest.mark.parametrize("words", ["Tick it, and it is in your basket.", "Ask us to write.", "Clicks count."])
def test_other_words_promise_nothing(words: str) -> None:
    """Words that only look alike."""
    assert list(broken_promises(words, set())) == []


def test_phrases_of_spam_name_their_source() -> None:
    """At least thirty, each with a published source; each is found in a text, whatever its case, and not inside a
    word."""
    phrases = spam_phrases()
    assert len(phrases) >= 30
    assert {source.partition(" ")[0] for _, source in phrases} == {"SpamAssassin", "HubSpot", "Klaviyo"}
    assert all(re.fullmatch(r"SpamAssassin [A-Z0-9_]+|HubSpot|Klaviyo", source) for _, source in phrases)

    def found(text: str) -> list[str]:
        return [source for phrase, source in phrases if phrase.search(text)]

    assert found("Act NOW, it is 100% guaranteed!") == [
        "SpamAssassin GUARANTEED_100_PERCENT", "SpamAssassin BANG_GUAR", "SpamAssassin ACT_NOW_CAPS",
    ]  # fmt: skip
    assert found("Click here") == ["HubSpot"]
    assert found("We react nowadays as guaranteed by law.") == []
