"""What a template's mails are made of: its files, the layouts and macros these refer to, and the words they use.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
A catalogue of words belongs to all campaigns. Only the messages that a template asks for count as part of it, so
that a new campaign's words change no other campaign.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from jinja2 import meta, nodes

from lifecycle_mail.errors import TemplateError
from lifecycle_mail.messages.dialect import MailEnvironment
from lifecycle_mail.messages.sources import parse_source
from lifecycle_mail.messages.texts import StoredTexts, Texts
from lifecycle_mail.messages.wording import Wording, languages, wording_file

FILES = ("subject.txt", "preheader.txt", "body.mjml", "body.txt")
SAMPLE = "sample.json"


class _Asked(NamedTuple):
    """What one file refers to: files, and keys of messages (None = some key is computed)."""

    files: tuple[str, ...]
    keys: tuple[str, ...] | None


def ingredients(texts: Texts, name: str) -> dict[str, str]:
    """Return the text of every file that mails of template `name` are made of, by file name.

    Translation files hold the words the template uses and no others.

    Raises:
        TemplateError: there is no such template, or one of its files is missing or cannot be read.
    """
    if not texts.files(name):
        raise TemplateError(f"{name}: no such template in {texts.place('.')}; correct the name or add the folder")
    found: dict[str, str] = {}
    keys: set[str] | None = set()
    waiting = [f"{name}/{file}" for file in FILES]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found[file] = _text(texts, file)
            asked = _asked(file, found[file])
            waiting += asked.files
            keys = None if keys is None or asked.keys is None else keys | set(asked.keys)
    return {**found, **_words(texts, name, keys)}


def samples(texts: Texts, name: str) -> dict[str, str]:
    """Return the sample files of a template that are there: no mail is made of them, but slots are packed by them."""
    wanted = {f"base/{SAMPLE}", f"{name}/{SAMPLE}"}
    return {file: _text(texts, file) for folder in ("base", name) for file in texts.files(folder) if file in wanted}


def _text(texts: Texts, file: str) -> str:
    try:
        return texts.read(file)
    except OSError:
        raise TemplateError(
            f"{file}: no such template file; add it, or correct the name that refers to it"
        ) from None
    except UnicodeDecodeError:
        raise TemplateError(f"{file}: is not UTF-8; save it as UTF-8") from None


_READER = MailEnvironment(StoredTexts({}), "html", {}, None)


@lru_cache(maxsize=512)
def _asked(file: str, text: str) -> _Asked:
    tree = parse_source(_READER, file, text).tree
    files = list(meta.find_referenced_templates(tree))
    calls = [node for node in tree.find_all(nodes.Call) if isinstance(node.node, nodes.Name) and node.node.name == "t"]
    keys = [node.args[0].value for node in calls if node.args and isinstance(node.args[0], nodes.Const)]
    named = tuple(one for one in files if one is not None)
    if len(named) < len(files):
        raise TemplateError(f"{file}: extends, includes or imports a computed name; write the name itself")
    return _Asked(named, tuple(map(str, keys)) if len(keys) == len(calls) else None)


def _words(texts: Texts, name: str, keys: set[str] | None) -> dict[str, str]:
    """Return each language's words under these keys (None = all of them), as a translation file."""
    home = name.replace("/", ".")
    own = None if keys is None else tuple(sorted(home + key if key.startswith(".") else key for key in keys))
    return {wording_file(one): _some_words(one, _text(texts, wording_file(one)), own) for one in languages(texts)}


@lru_cache(maxsize=512)
def _some_words(language: str, text: str, keys: tuple[str, ...] | None) -> str:
    """Return the words under `keys`; a file that cannot be read as words stays as it is: its own mails say so."""
    if keys is None:
        return text
    try:
        return Wording(StoredTexts({wording_file(language): text}), language).some(keys)
    except TemplateError:
        return text
