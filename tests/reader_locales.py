"""Locales as shops write them, and the language that their readers' mails have: one table for planning and previews."""

from __future__ import annotations

import shutil
from pathlib import Path

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

RIGHT_TO_LEFT = {"ar", "fa", "he"}


def templates_in(folder: Path, *languages: str) -> Path:
    """Make a folder with the product's templates whose English words stand for each of `languages`; return it."""
    shutil.copytree(INCLUDE / "templates", folder)
    words = (folder / "translations/en.yaml").read_text(encoding="utf-8")
    for language in languages:
        direction = "rtl" if language.partition("-")[0] in RIGHT_TO_LEFT else "ltr"
        there = words.replace("direction: ltr", f"direction: {direction}")
        (folder / f"translations/{language}.yaml").write_text(there, encoding="utf-8")
    return folder
