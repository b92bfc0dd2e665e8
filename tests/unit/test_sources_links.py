"""Links of a feed: what can be encoded is, and the others are refused by name."""

from __future__ import annotations

import pytest

from lifecycle_mail.errors import SettingsError
from lifecycle_mail.messages.formatting import web_url
from lifecycle_mail.settings import Settings
from lifecycle_mail.sources.links import WEB, parse_link
from lifecycle_mail.sources.refusals import Refusal

KEPT = [
    ("https://shop.example.com/p/1?a=b&c=%20d#e", "https://shop.example.com/p/1?a=b&c=%20d#e"),
    ("https://shop.example.com/o'neil's beans", "https://shop.example.com/o%27neil%27s%20beans"),
    ('https://shop.example.com/a"b<c>d\\e', "https://shop.example.com/a%22b%3Cc%3Ed%5Ce"),
    ("HTTPS://shop.example.com/100%", "https://shop.example.com/100%25"),
    ("https://shop.example.com/café", "https://shop.example.com/caf%C3%A9"),
    ("https://bücher.example/x", "https://xn--bcher-kva.example/x"),
    ("http://localhost:8080", "http://localhost:8080"),
    ("https://faß.example/x", "https://xn--fa-hia.example/x"),
    ("https://shop.example.com/p?a=1&amp;b=2&amp;amp;c&#38;copy=3", "https://shop.example.com/p?a=1&b=2&c&copy=3"),
    ("https://shop.example.com/a\nb", "https://shop.example.com/ab"),
]


@pytest.mark.parametrize(("text", "link"), KEPT)
def test_what_can_be_encoded_is(text: str, link: str) -> None:
    """Blanks, quotes, letters of other scripts and stray percent signs; and a mail shows the result."""
    assert parse_link(text, schemes=WEB) == link
    assert web_url(link) == link


REFUSED = [
    ("/p/1", "relative_link"), ("p/1", "relative_link"), ("//shop.example.com/p/1", "relative_link"),
    ("www.shop.example.com/p", "relative_link"), ("shop.example.com:8080/p", "relative_link"),
    ("?p=1", "relative_link"),
    ("app://cart/7", "link_scheme"), ("javascript:alert(1)", "link_scheme"), ("mailto:ann@example.com", "link_scheme"),
    ("https:/shop.example.com", "malformed_link"), ("https:///p", "malformed_link"),
    ("https://shop example.com/", "malformed_link"),
    ("https://a..shop.example.com/", "malformed_link"), ("https://shop.example.com:99999/", "malformed_link"),
    ("https://shop@example.com/", "malformed_link"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_no_reader_can_follow_is_refused(text: str, reason: str) -> None:
    """No scheme, no host, or a scheme that is not permitted."""
    with pytest.raises(Refusal, match=reason):
        parse_link(text, schemes=WEB)


def test_schemes_are_a_setting() -> None:
    """A deep link is kept if its scheme is set, and a mail shows it. No setting takes a scheme that runs code."""
    environment = {"LIFECYCLE_DATABASE_URL": "x", "LIFECYCLE_LINK_SCHEMES": "https, app"}
    schemes = Settings.from_environment(environment).link_schemes
    assert schemes == {"https", "app"}
    assert web_url(parse_link("app://cart/7 a", schemes=schemes)) == "app://cart/7%20a"
    with pytest.raises(Refusal, match="link_scheme"):
        parse_link("http://shop.example.com/", schemes=schemes)
    assert Settings.from_environment({"LIFECYCLE_DATABASE_URL": "x"}).link_schemes == {"http", "https"}
    for value in ("javascript", "https,data", ",", "ht tp", "https,"):
        with pytest.raises(SettingsError, match="LIFECYCLE_LINK_SCHEMES"):
            Settings.from_environment(environment | {"LIFECYCLE_LINK_SCHEMES": value})
    assert [web_url(text) for text in ("javascript://x/%0aalert(1)", "DATA://x", "app:/x", "/x")] == [None] * 4
