"""Which of the languages that mails can be written in is nearest to a reader's locale. Below every stage.

This is the one rule for the language of a mail: planning and previews both ask it. It is the look-up of BCP 47
(RFC 4647, 3.4), made right by three things that CLDR knows (Babel carries its data):

- old codes: iw is he, in is id, sh is sr-Latn, UK is GB;
- likely subtags: zh-TW is zh-Hant-TW, so it reads zh-Hant and never zh-Hans;
- parents: es-MX reads es-419 before es, and en-AU reads en-GB before en-US.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from babel.core import get_global

_SCRIPT_MODIFIERS = {"latin": "Latn", "cyrillic": "Cyrl", "devanagari": "Deva"}  # as glibc writes them: sr_RS@latin
_RIGHT_TO_LEFT = frozenset({"Adlm", "Arab", "Aran", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa", "Yezi"})
_SAME_LANGUAGE = {"nb": "no"}
# Who reads the first also reads the second, if there is nothing nearer. CLDR matches these closely. It also lets one
# script of Chinese stand for the other. Such a mail would look like a mistake, so its reader gets the brand's language.
_ALSO_READ = {
    ("sr", "Latn"): ("sr", "Cyrl"), ("sr", "Cyrl"): ("sr", "Latn"),
    ("nn", "Latn"): ("no", "Latn"), ("yue", "Hant"): ("zh", "Hant"),
}  # fmt: skip
_LANGUAGE, _EXTENDED = re.compile("[a-z]{2,3}"), re.compile("[a-z]{3}")
_SCRIPT, _REGION = re.compile("[a-z]{4}"), re.compile("[a-z]{2}|[0-9]{3}")


class _Tag(NamedTuple):
    """What a locale says: language, script (given or likely) and the region that is written, if one is."""

    language: str
    script: str
    region: str | None


def nearest_language(wanted: str | None, available: Sequence[str], fallback: str) -> str:
    """Return the one of `available` that a reader of the locale `wanted` reads, else the nearest to `fallback`.

    Locales are written as in BCP 47 or as in POSIX: pt-BR, PT_br, pt_BR.UTF-8. If there is nothing for `fallback`
    either, it is returned as it is.
    """
    found = (_nearest(locale, tuple(available)) for locale in (wanted, fallback))
    return next((one for one in found if one is not None), fallback)


def bcp47(locale: str) -> str:
    """Return a locale with hyphens, and without the character set and modifier of POSIX: pt_BR.UTF-8 is pt-BR."""
    written, _, modifier = locale.strip().partition("@")
    language, *rest = written.partition(".")[0].replace("_", "-").split("-")
    script = _SCRIPT_MODIFIERS.get(modifier.lower())
    return "-".join((language, *((script,) if script else ()), *rest))


def canonical(locale: str) -> str | None:
    """Return the one spelling of a locale, with its script: iw_IL is he-Hebr-IL. None if it names no language."""
    tag = _tag(locale)
    return "-".join(part for part in tag if part) if tag else None


def direction_of(locale: str) -> str:
    """Return the direction in which a locale is written, ltr or rtl: that of its script."""
    tag = _tag(locale)
    return "rtl" if tag is not None and tag.script in _RIGHT_TO_LEFT else "ltr"


@lru_cache(maxsize=4096)
def _nearest(wanted: str | None, available: tuple[str, ...]) -> str | None:
    reader = _tag(wanted or "")
    if reader is None:
        return None
    tags = [(tag, one) for one in sorted(available) if (tag := _tag(one)) is not None]
    return _among(reader, tags) or _among(_reader_of_another(reader), tags)


def _reader_of_another(reader: _Tag) -> _Tag | None:
    """Return what else the reader reads."""
    also = _ALSO_READ.get((reader.language, reader.script))
    return _Tag(*also, None) if also else None


def _among(reader: _Tag | None, tags: list[tuple[_Tag, str]]) -> str | None:
    """Return the nearest of those in the reader's language and script."""
    if reader is None:
        return None
    likely = _likely(f"{reader.language}_{reader.script}", reader.language)[2]
    family = list(_parents(reader))
    regions = [reader.region, *family, None]

    def distance(tag: _Tag) -> tuple[int, bool, bool]:
        near = regions.index(tag.region) if tag.region in regions else len(regions)
        return near, set(family).isdisjoint(_parents(tag)), tag.region != likely

    same = [(distance(tag), one) for tag, one in tags if tag[:2] == reader[:2]]
    return min(same)[1] if same else None


def _parents(tag: _Tag) -> Iterator[str]:
    """Yield the regions that CLDR takes texts from if a region has none of its own: MX → 419."""
    parents, region = get_global("parent_exceptions"), tag.region
    while region is not None:
        names = (f"{tag.language}_{tag.script}_{region}", f"{tag.language}_{region}")
        parent = next((parents[name] for name in names if name in parents), "")
        region = parent.rpartition("_")[2] if "_" in parent else None
        if region is not None:
            yield region


@lru_cache(maxsize=4096)
def _tag(locale: str) -> _Tag | None:
    """Read a locale; None if it names no language."""
    parts = bcp47(locale).lower().split("-")
    if not _LANGUAGE.fullmatch(parts[0]):
        return None
    language, rest = parts[0], parts[1:]
    if rest and _EXTENDED.fullmatch(rest[0]):
        language = rest.pop(0)  # zh-yue and zh-cmn are yue and cmn
    aliased = get_global("language_aliases").get(language, language).lower().split("_")
    rest += aliased[1:]
    script = next((one.title() for one in rest[:1] + aliased[1:] if _SCRIPT.fullmatch(one)), None)
    region = next((_present_region(one) for one in _before_extension(rest) if _REGION.fullmatch(one)), None)
    if aliased[0] == "und" and not (script or region):
        return None
    wanted = [aliased[0], *filter(None, (script,)), *filter(None, (region,))]
    likely = _likely("_".join(wanted), f"{aliased[0]}_{region}", f"{aliased[0]}_{script}", aliased[0])
    language = likely[0] if aliased[0] == "und" else aliased[0]
    return _Tag(_SAME_LANGUAGE.get(language, language), script or likely[1] or "", region)


def _before_extension(subtags: list[str]) -> list[str]:
    """Return the subtags before -u-, -t- or -x-, whose keys look like regions."""
    single = next((place for place, one in enumerate(subtags) if len(one) == 1), len(subtags))
    return subtags[:single]


def _present_region(code: str) -> str:
    """Return a region's code of today: UK and 826 are GB."""
    present = get_global("territory_aliases").get(code.upper(), [code.upper()])
    return str(present[0])


def _likely(*names: str) -> tuple[str, str | None, str | None]:
    """Return (language, script, region) that CLDR takes for likely, for the first of `names` that it knows."""
    known = get_global("likely_subtags")
    found = next((known[name] for name in names if name in known), names[-1]).split("_")
    return found[0], found[1] if len(found) > 1 else None, found[2] if len(found) > 2 else None
