"""The one rule for the language of a mail: which of those there are is nearest to a reader's locale."""

from __future__ import annotations

import pytest

from lifecycle_mail.locales import bcp47, canonical, direction_of, nearest_language
from reader_locales import LANGUAGES, READ


def test_each_reader_gets_the_nearest_language() -> None:
    """Old codes, likely scripts, regions, either case and the spelling of POSIX all lead to the right language."""
    assert {locale: nearest_language(locale, LANGUAGES, "en") for locale in READ} == READ


@pytest.mark.parametrize(
    ("locale", "available", "found"),
    [
        ("zh-TW", ["de", "zh"], "de"),  # a mail in the other script would look like a mistake
        ("zh-CN", ["de", "zh-TW"], "de"),
        ("yue-HK", ["de", "zh-Hans"], "de"),
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


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("pt-BR pt_BR PT-br pt-PT pt-x-br", "pt"), ("zh-TW zh-HK zh-MO zh_Hant_TW ZH-hant-tw zh_TW.UTF-8", "zh-Hant"),
        ("zh zh-CN zh-SG zh-Hans-TW zh-Latn zh-Latn-pinyin", "en"), ("iw-IL HE-IL he_IL.UTF-8 he", "he"),
        ("fa fa-IR fa-AF prs pes-IR", "fa"), ("th TH th-TH-u-nu-thai", "th"),
        ("ar ur-PK tg-TJ ckb he-Latn fa-Latn", "en"),
        ("en-GB en-US-x-private nb no nn sr-Latn xx english c C POSIX i-klingon ptBR", "en"),
    ],
)  # fmt: skip
def test_what_shops_write_with_five_more_languages(written: str, found: str) -> None:
    """Readers get their language in their script, whatever the spelling, and else the brand's."""
    available = ["en", "fa", "he", "pt", "th", "zh-Hant"]
    assert {one: nearest_language(one, available, "en") for one in written.split(" ")} == dict.fromkeys(
        written.split(" "), found
    )


def test_the_direction_is_that_of_the_script() -> None:
    """A language may be written in two scripts, and only one of them from right to left."""
    locales = "en he iw fa-AF ur az az-Arab ku-Arab pa pa-PK dv yi zh-Hant th x"
    found = "".join("<" if direction_of(one) == "rtl" else ">" for one in locales.split())
    assert found == "><<<<><<><<<>>>"


def test_one_spelling_per_locale() -> None:
    """Two files of words for the same readers are seen to be the same."""
    pairs = [("iw_IL", "he-IL"), ("zh-TW", "zh_hant_tw"), ("no", "nb"), ("sh", "sr-Latn"), ("pt", "PT")]
    assert [canonical(one) == canonical(other) for one, other in pairs] == [True] * 5
    assert (canonical("zh-TW"), canonical("persian"), canonical("x")) == ("zh-Hant-TW", None, None)
