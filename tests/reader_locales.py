"""Locales as shops write them, and the language that their readers' mails have: one table for planning and previews."""

from __future__ import annotations

import re
import shutil
from itertools import cycle
from pathlib import Path
from typing import Any

import yaml

from lifecycle_mail.settings import INCLUDE

LANGUAGES = ("ar", "de", "en", "es", "es-419", "fa", "he", "id", "no", "pt", "pt-PT", "sr", "th", "zh-Hans", "zh-Hant")

READ = {
    # as the shop writes it: what its reader gets, if the mails can be written in LANGUAGES
    "en": "en", "en-US": "en", "en_GB": "en", "EN-au": "en", "en-US-u-ca-buddhist": "en",
    "de": "de", "de-AT": "de", "DE_CH": "de", "de_DE.UTF-8": "de", "de_DE@euro": "de", "deu": "de", "ger-DE": "de",
    "pt-BR": "pt", "pt_BR.UTF-8": "pt", "PT-br": "pt", "pt-Latn-BR": "pt", "pt": "pt", "pt-PT": "pt-PT",
    "pt-AO": "pt-PT", "pt_MZ": "pt-PT",
    "es": "es", "es-ES": "es", "es-MX": "es-419", "es_AR.utf8": "es-419", "es-419": "es-419", "es-PH": "es",
    "zh-Hant-TW": "zh-Hant", "zh-TW": "zh-Hant", "zh_TW.Big5": "zh-Hant", "ZH-hk": "zh-Hant", "zh-MO": "zh-Hant",
    "zh-Hant": "zh-Hant", "und-TW": "zh-Hant", "zh-yue": "zh-Hant", "yue-HK": "zh-Hant",
    "zh": "zh-Hans", "zh-CN": "zh-Hans", "zh_SG": "zh-Hans", "zh-Hans-HK": "zh-Hans", "cmn": "zh-Hans",
    "zh-cmn-Hans-CN": "zh-Hans",
    "he": "he", "HE-IL": "he", "iw-IL": "he", "iw": "he", "heb": "he",
    "in-ID": "id", "id_ID": "id", "IN": "id", "ind": "id",
    "fa-IR": "fa", "fa_AF": "fa", "prs": "fa", "ar-EG": "ar", "ar_001": "ar", "ar-Arab-SA": "ar",
    "th-TH": "th", "th_TH.TIS-620": "th", "th-TH-u-nu-thai": "th",
    "sr-RS": "sr", "sr-Latn-RS": "sr", "sr_RS@latin": "sr", "sh": "sr",
    "nb-NO": "no", "no": "no", "nn_NO": "no",
    # nothing that they read is there: the brand's own language
    "fr": "en", "ja-JP": "en", "hi_IN": "en", "pa-PK": "en", "C": "en", "POSIX": "en", "C.UTF-8": "en", "und": "en",
    "x-klingon": "en", "": "en", "123": "en", "-": "en",
}  # fmt: skip


WORDS = {
    "fa": "سلام سبد خرید شما هنوز این‌جاست و منتظر است تا برگردید هر چه برداشته‌اید",
    "he": "שלום הסל שלכם עדיין כאן ומחכה שתחזרו אליו כל מה שבחרתם",
    "th": "สวัสดี ตะกร้า ของ คุณ ยัง อยู่ ที่นี่ กำลัง รอ ให้ กลับมา ทุกสิ่ง ที่ เลือก น้ำผึ้ง",
    "zh-Hant": "您好 購物車 仍 在 這裡 等著 您 回來 所有 挑選 的 商品 都 還在",
}
"""Words of other scripts, to put in place of English ones."""
WITHOUT_BLANKS = {"th", "zh-Hant"}
_WORD = re.compile(r"\{[^{}]*\}|[A-Za-z][A-Za-z'-]*")


def in_words_of(language: str, text: str) -> str:
    """Return an English message in letters of another script: as long, with its values, and without any meaning."""
    words = cycle(WORDS[language].split())
    written = _WORD.sub(lambda one: one[0] if one[0].startswith("{") else next(words), text)
    return re.sub(r"(?<![,.?!:;}]) (?!\{)", "", written) if language in WITHOUT_BLANKS else written


def translated(tree: Any, language: str) -> Any:
    """Return messages in letters of another script."""
    if isinstance(tree, str):
        return in_words_of(language, tree)
    return {key: translated(value, language) for key, value in tree.items()}


def templates_in(folder: Path, *languages: str) -> Path:
    """Make a folder with the product's templates and words in `languages`; return it.

    The words are English, or stand-ins in letters of their own for languages of WORDS.
    """
    shutil.copytree(INCLUDE / "templates", folder)
    words = (folder / "translations/en.yaml").read_text(encoding="utf-8")
    for language in languages:
        there = yaml.load(words, yaml.BaseLoader)  # the product reads keys as they are written: `no` is a word
        there = {"messages": translated(there["messages"], language)} if language in WORDS else there
        file = folder / f"translations/{language}.yaml"
        file.write_text(yaml.safe_dump(there, allow_unicode=True, width=1_000_000), encoding="utf-8")
    return folder
