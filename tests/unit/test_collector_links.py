"""Unsubscribe tokens: only the holder of the secret makes one, and any change makes it unreadable."""

import base64
import hashlib
import hmac

import pytest

from event_collector.links import BadToken, make_token, read_token
from lifecycle_mail.messages.links import unsubscribe_url


def test_a_token_is_read_back() -> None:
    """What was put in comes out, also for text beyond ASCII and a topic with a bar."""
    for message_id, topic in (("018f-1", "reminders"), ("m", "grüße|x"), ("m" * 100, "")):
        assert read_token("secret", make_token("secret", message_id, topic)) == (message_id, topic)


def test_the_documented_format() -> None:
    """The format is the documented one, so that another program can make the same token."""
    payload = b"018f-1|reminders"
    digest = hmac.new(b"secret", payload, hashlib.sha256).digest()
    encoded = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
    signature = base64.urlsafe_b64encode(digest).decode()[:22]
    assert make_token("secret", "018f-1", "reminders") == f"{encoded}.{signature}"
    padded = f"{base64.urlsafe_b64encode(payload).decode()}.{signature}"
    assert read_token(b"secret", padded) == ("018f-1", "reminders")


def test_the_products_own_links_are_read() -> None:
    """The links that the product writes into its mails, by code of its own, are those the collector reads."""
    url = unsubscribe_url("https://mail.example.com", "secret", "018f-1", "reminders")
    assert url == f"https://mail.example.com/unsubscribe/{make_token('secret', '018f-1', 'reminders')}"


def test_every_changed_character_is_refused() -> None:
    """A token with any one character changed, cut or added is not read as another message."""
    token = make_token("secret", "018f-1", "reminders")
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(BadToken):
            read_token("secret", changed)
    for other in (token[:-1], token + "A", token.partition(".")[0], "", ".", "ä.b", "A" * 600, token + "\n"):
        with pytest.raises(BadToken):
            read_token("secret", other)


def test_another_secret_or_none_reads_nothing() -> None:
    """The wrong secret and an empty one refuse every token; an empty one makes none."""
    token = make_token("secret", "m", "t")
    for secret in ("Secret", ""):
        with pytest.raises(BadToken):
            read_token(secret, token)
    for arguments in (("", "m", "t"), ("secret", "", "t"), ("secret", "a|b", "t")):
        with pytest.raises(ValueError, match="a token needs"):
            make_token(*arguments)
