"""What a template's mails are made of: its files, the layouts and macros that these use, and the words they need.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
A catalogue of words belongs to all campaigns. Only the words that a template asks for count as part of it, so
that a new campaign's words change no other campaign.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from jinja2 import meta, nodes

from lifecycle_mail.errors import TemplateError
from lifecycle_mail.messages.offers import OFFER_WORDS
from lifecycle_mail.messages.sources import parse_source
from lifecycle_mail.messages.texts import StoredTexts, Texts
from lifecycle_mail.messages.wording import Wording, languages, wording_file

FILES = ("subject.txt", "preheader.txt", "body.mjml", "body.txt")
AGAIN = "subject_again.txt"
"""The second subject of a template, for a mail that goes once more to those who did not open it."""
SAMPLE = "sample.json"


class _Asked(NamedTuple):
    """What one file refers to: files, and keys of words (None = some key is computed)."""

    files: tuple[str, ...]
    keys: tuple[str, ...] | None


class _Found(NamedTuple):
    """What one template is made of: its files, and the full keys of its words (None = some key is computed)."""

    files: dict[str, str]
    keys: frozenset[str] | None


def ingredients(texts: Texts, *names: str) -> dict[str, str]:
    """Return the text of every file that mails of these templates are made of, by file name.

    Translation files hold only the words that the templates use.

    Raises:
        TemplateError: there is no such template, or one of its files is missing or cannot be read.
    """
    found = [_followed(texts, name) for name in names]
    keys = [one.keys for one in found if one.keys is not None]
    wanted = frozenset[str]().union(*keys) if len(keys) == len(found) else None
    files = {file: text for one in found for file, text in one.files.items()}
    return {**files, **_words(texts, wanted)}


def _followed(texts: Texts, name: str) -> _Found:
    """Read a template and everything it refers to."""
    if not texts.files(name):
        raise TemplateError(f"{name}: no such template in {texts.place('.')}; correct the name or add the folder")
    files: dict[str, str] = {}
    asked: list[_Asked] = []
    waiting = [f"{name}/{file}" for file in FILES]
    waiting += [file for file in texts.files(name) if file == f"{name}/{AGAIN}"]
    while waiting:
        file = waiting.pop()
        if file not in files:
            files[file] = _text(texts, file)
            asked.append(_asked(file, files[file]))
            waiting += asked[-1].files
    home = name.replace("/", ".")
    keys = [home + key if key.startswith(".") else key for one in asked for key in one.keys or ()]
    return _Found(files, None if any(one.keys is None for one in asked) else frozenset(keys))


def variables_of_slots(texts: Texts, name: str) -> frozenset[str]:
    """Return the names of the variables that the slots of a template read (TemplateError as for `ingredients`)."""
    slots = [slot for file, text in _followed(texts, name).files.items() for slot in parse_source(file, text).slots]
    return frozenset(read.partition(".")[0].partition("[")[0] for slot in slots for read in slot.names())


def samples(texts: Texts, *names: str) -> dict[str, str]:
    """Return the sample files that exist. No mail is made of them, but slots are compressed against them."""
    return {
        file: _text(texts, file)
        for folder in ("base", *names)
        for file in texts.files(folder)
        if file == f"{folder}/{SAMPLE}"
    }


def _text(texts: Texts, file: str) -> str:
    try:
        text = texts.read(file)
    except OSError:
        raise TemplateError(f"{file}: no such template file; add it, or correct the name that refers to it") from None
    except UnicodeDecodeError:
        raise TemplateError(f"{file}: the file is not UTF-8; save it as UTF-8") from None
    if "\0" in text:
        raise TemplateError(f"{file}: the file has a NUL character; take it out")
    return text


@lru_cache(maxsize=512)
def _asked(file: str, text: str) -> _Asked:
    tree = parse_source(file, text).tree
    files = list(meta.find_referenced_templates(tree))
    calls = [node for node in tree.find_all(nodes.Call) if isinstance(node.node, nodes.Name) and node.node.name == "t"]
    keys = [node.args[0].value for node in calls if node.args and isinstance(node.args[0], nodes.Const)]
    words = OFFER_WORDS if any(node.name == "offer_title" for node in tree.find_all(nodes.Name)) else ()
    named = tuple(one for one in files if one is not None)
    if len(named) < len(files):
        raise TemplateError(f"{file}: extends, includes or imports a computed name; write the name itself")
    return _Asked(named, (*map(str, keys), *words) if len(keys) == len(calls) else None)


def _words(texts: Texts, keys: frozenset[str] | None) -> dict[str, str]:
    """Return each language's words under these keys (None = all of them), as a translation file."""
    files = {one: wording_file(one) for one in languages(texts)}
    return {file: _some_words(one, _text(texts, file), keys) for one, file in files.items()}


@lru_cache(maxsize=512)
def _some_words(language: str, text: str, keys: frozenset[str] | None) -> str:
    """Return the words under `keys`. A file that cannot be read as words is returned whole: its own mails report it."""
    if keys is None:
        return text
    try:
        return Wording(StoredTexts({wording_file(language): text}), language).some(keys)
    except TemplateError:
        return text
