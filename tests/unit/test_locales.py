"""The one rule for the language of a mail: which of those there are is nearest to a reader's locale."""

from __future__ import annotations

import pytest

from lifecycle_mail.locales import bcp47, nearest_language
from reader_locales import LANGUAGES, READ


def test_each_reader_gets_the_nearest_language() -> None:
    """Old codes, likely scripts, regions, either case and the spelling of POSIX all lead to the right language."""
    assert {locale: nearest_language(locale, LANGUAGES, "en") for locale in READ} == READ


@pytest.mark.parametrize(
    ("locale", "available", "found"),
    [
        ("zh-TW", ["en", "zh"], "zh"),  # the other script is nearer than another language
        ("zh-CN", ["de", "zh-TW"], "de"),
        ("zh-TW", ["en", "zh", "zh_TW"], "zh_TW"),
        ("zh-MO", ["zh-Hant", "zh-HK", "zh-TW"], "zh-HK"),
        ("zh-Hant", ["zh-Hant-HK", "zh-TW"], "zh-TW"),
        ("sr-ME", ["en", "sr", "sr-Latn"], "sr-Latn"),  # Montenegro writes Latin
        ("pa-PK", ["de", "pa"], "de"),  # who reads Shahmukhi does not read Gurmukhi
        ("en-AU", ["en-US", "en-GB"], "en-GB"),  # the same parent in CLDR
        ("en-AU", ["en-US", "en"], "en"),
        ("en", ["en-AU", "en-GB", "en-US"], "en-US"),  # the likely region
        ("pt", ["en", "pt-BR", "pt-PT"], "pt-BR"),
        ("pt-BR", ["en", "pt-PT"], "pt-PT"),
        ("he-IL", ["en", "iw"], "iw"),  # a file may have the old name
        ("no", ["en", "nb"], "nb"),
        ("fr-CA", ["de", "en"], "de"),  # the brand writes de-AT
        (None, ["de", "en"], "de"),
        ("fr", ["it", "pl"], "de-AT"),  # neither is there: what is asked for is named, and no other language is taken
    ],
)
def test_the_nearest_of_several(locale: str | None, available: list[str], found: str) -> None:
    """A text for the reader's region comes first, then its parents', that for all regions, and the likely region's."""
    assert nearest_language(locale, available, "de-AT") == found
    assert nearest_language(locale, available[::-1], "de-AT") == found


def test_a_locale_of_posix_becomes_one_of_bcp_47() -> None:
    """Underscores become hyphens, the character set goes, and a modifier that names a script becomes its subtag."""
    written = ("pt_BR.UTF-8", "sr_RS@latin", "uz_UZ.UTF-8@cyrillic", "de_DE@euro", " he-IL ", "C")
    assert [bcp47(one) for one in written] == ["pt-BR", "sr-Latn-RS", "uz-Cyrl-UZ", "de-DE", "he-IL", "C"]
