"""The words of a mail in one language: lookup, plural forms and the direction of writing.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
There is one file per language, include/templates/translations/<language>.yaml. Its direction is that of the language:

    messages:
      footer: {unsubscribe: Unsubscribe}
      cart_abandoned: {reminder: {more: {one: "and {count} more item", other: "and {count} more items"}}}

A mapping whose keys are CLDR plural categories (zero, one, two, few, many, other) is one message in several
forms. Messages are plain text, and are escaped like any other value. Numbers among the values are written as the
language writes them.
"""

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import yaml
from babel import Locale, UnknownLocaleError

from lifecycle_mail.campaigns import parse_document
from lifecycle_mail.errors import CampaignError, TemplateError
from lifecycle_mail.locales import direction_of
from lifecycle_mail.messages.directions import Isolating, isolated, other_direction
from lifecycle_mail.messages.formatting import clean, number_writer
from lifecycle_mail.messages.texts import StoredTexts, Texts, texts_in

PLURAL_FORMS = frozenset({"zero", "one", "two", "few", "many", "other"})
_TEXTS, _NUMBERS = frozenset({str, Isolating}), frozenset({int, float, Decimal})
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


class Wording:
    """The messages of one language, with its direction and plural rule.

    Raises TemplateError if the file is missing, is not YAML, or if CLDR does not know its language.
    """

    def __init__(self, folder: Path | Texts, language: str) -> None:
        texts = texts_in(folder)
        self.path = Path(texts.place(wording_file(language)))
        self.language = language
        content = _read(self.path, texts, language)
        locale = _locale_of(self.path, language)
        self.direction: str = content.get("direction") or direction_of(language)
        self._plural: Callable[[float], str] = locale.plural_form
        self.messages: dict[str, str | dict[str, str]] = dict(_messages_in(self.path, content.get("messages") or {}))
        if self.direction not in ("ltr", "rtl"):
            raise TemplateError(f"{self.path}: direction is neither ltr nor rtl; write one of the two")
        if self.direction != direction_of(language):
            raise TemplateError(
                f"{self.path}: direction is {self.direction}, but {language} is written {direction_of(language)}; "
                "leave direction out"
            )
        self._number = number_writer(language)

    def translator(self, name: str) -> Callable[..., str]:
        """Return `t(key, count=…, **values)` for the template `name`; a key with a leading dot is its own."""
        home = name.replace("/", ".")
        ready: dict[str, Callable[[dict[str, Any]], str] | str] = {}

        def t(key: str, **values: Any) -> str:
            written = ready.get(key)
            if written is None:
                written = ready[key] = self._writer(home + key if key.startswith(".") else key)
            return written if type(written) is str else written(values)  # type: ignore[operator]

        return t

    def placeholders(self, key: str) -> set[str] | None:
        """Return the names of the values that a message needs, or None if there is no such message."""
        message = self.messages.get(key)
        if message is None:
            return None
        forms = message.values() if isinstance(message, dict) else [message]
        return {name for form in forms for name in _PLACEHOLDER.findall(form)}

    def plural_forms(self, key: str) -> set[str] | None:
        """Return the plural forms of a message, or None if it has only one wording."""
        message = self.messages.get(key)
        return set(message) if isinstance(message, dict) else None

    def uncounted_forms(self, key: str) -> dict[str, list[int]]:
        """Return the plural forms that stand for several numbers and show none, with the first of their numbers.

        In Russian, `one` is also the form of 21 and 31: "one hour" would be wrong there.
        """
        message = self.messages.get(key)
        if not isinstance(message, dict) or "{count}" not in "".join(message.values()):
            return {}
        numbers: dict[str, list[int]] = {form: [] for form, text in message.items() if "{count}" not in text}
        for number in range(1, 201):
            numbers.get(self._plural(number), []).append(number)
        return {form: found[:3] for form, found in numbers.items() if len(found) > 1}

    def wanted_forms(self) -> set[str]:
        """Return the plural forms that this language needs for whole numbers, by CLDR."""
        return {self._plural(number) for number in range(201)}

    def some(self, keys: Collection[str]) -> str:
        """Return a translation file with these messages alone; the same words always give the same text.

        A key that ends with a dot stands for all messages under it.
        """
        groups = tuple(key for key in keys if key.endswith("."))
        under = [key for key in self.messages if groups and key.startswith(groups)]
        words = {key: self.messages[key] for key in (*keys, *under) if key in self.messages}
        content = {"direction": self.direction, "messages": words}
        return str(yaml.safe_dump(content, allow_unicode=True, sort_keys=True, width=1_000_000))

    def _writer(self, key: str) -> Callable[[dict[str, Any]], str] | str:
        message = self.messages.get(key)
        if message is None:
            raise TemplateError(f"{self.path}: no message {key}; add it, or correct the key in the template")
        if isinstance(message, str):
            return self._filled(key, message) if _PLACEHOLDER.search(message) else message
        forms = {form: self._filled(key, text) for form, text in message.items()}

        def choose(values: dict[str, Any]) -> str:
            if "count" not in values:
                raise TemplateError(f"{self.path}: {key} has plural forms; give it count=…")
            form = self._plural(float(values["count"]))
            return forms.get(form, forms["other"])(values)

        return choose

    def _written(self, value: Any) -> Any:
        """Return a value with a number as the language writes it, and None as nothing."""
        if type(value) in _NUMBERS:
            return self._number(value)
        return "" if value is None else value

    def _filled(self, key: str, message: str) -> Callable[[dict[str, Any]], str]:
        """Return a function that puts values into the braces of `message`, once and literally.

        Values of the other direction are isolated.
        """
        names = _PLACEHOLDER.findall(message)
        shape = _PLACEHOLDER.sub("%s", message.replace("%", "%%"))
        pick: Callable[[dict[str, Any]], Any] = itemgetter(*names) if names else lambda _: ()
        is_other, is_ltr = other_direction(self.direction), self.direction == "ltr"

        def fill(values: dict[str, Any]) -> str:
            try:
                found = pick(values)
            except KeyError as missing:
                raise TemplateError(f"{self.path}: {key} needs {missing}; give it a value in the template") from None
            given = found if type(found) is tuple else (found,)
            if not _TEXTS.issuperset(map(type, given)):
                given = tuple(map(self._written, given))
            written = shape % given
            if is_ltr and written.isascii():
                return written
            for value in given:
                if type(value) is Isolating or (type(value) is str and is_other(value)):
                    return Isolating(shape % tuple(_beside(one, is_other) for one in given))
            return written

        return fill


def _beside(value: Any, is_other: Callable[[str], bool]) -> str:
    """Return a value of a message that has isolated values."""
    text = str(value) if type(value) is Isolating else clean(str(value))
    return isolated(text) if type(value) is str and is_other(value) else text


@lru_cache(maxsize=1)
def no_words() -> Wording:
    """Return a language without messages, for those who read templates and render none."""
    return Wording(StoredTexts({wording_file("en"): "messages: {}\n"}), "en")


def wording_file(language: str) -> str:
    """Return the name of a language's file inside the template folder."""
    return f"translations/{language}.yaml"


def languages(folder: Path | Texts) -> list[str]:
    """Return the languages that have a translation file, in order."""
    files = map(Path, texts_in(folder).files("translations"))
    return sorted(file.stem for file in files if file.suffix == ".yaml")


def _read(path: Path, texts: Texts, language: str) -> dict[str, Any]:
    try:
        content = _content(path, texts.read(wording_file(language)))
    except FileNotFoundError:
        raise TemplateError(f"{path}: no translation for this language; add the file, or use another") from None
    except UnicodeDecodeError:
        raise TemplateError(f"{path}: the file is not UTF-8 text; save it as UTF-8") from None
    except CampaignError as error:
        told = str(error).replace(": is not YAML:", ": not readable as YAML:")
        raise TemplateError("\n".join(f"{path.parent}/{line}" for line in told.splitlines())) from None
    if not isinstance(content, dict):
        raise TemplateError(f"{path}: not a mapping with direction and messages; see translations/en.yaml")
    return content


@lru_cache(maxsize=64)
def _content(path: Path, text: str) -> Any:
    """Return the values in a translation file's text; readers change nothing in them."""
    return parse_document(path, text).value


def _locale_of(path: Path, language: str) -> Locale:
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        raise TemplateError(
            f"{path}: CLDR does not know the language {language}; name the file like en or zh-Hant"
        ) from None


def _messages_in(path: Path, tree: Any) -> list[tuple[str, str | dict[str, str]]]:
    """Return the messages of a file by their dotted keys.

    Raises TemplateError for what is no text. `Yes` and `no` without quotes are none in YAML, and would be sent as True.
    """
    if not isinstance(tree, Mapping):
        raise TemplateError(f"{path}: messages is no mapping of keys and words; see translations/en.yaml")
    found = _flatten(tree)
    for key, message in found:
        for text in message.values() if isinstance(message, dict) else (message,):
            if isinstance(text, bool) or not isinstance(text, str | int | float):
                raise TemplateError(f"{path}: message {key} is no text; write words, in quotes")
    return [
        (key, {form: str(text) for form, text in one.items()} if isinstance(one, dict) else str(one))
        for key, one in found
    ]


def _flatten(tree: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Turn nested mappings into dotted keys; a mapping of plural forms stays together."""
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        dotted = f"{before}{key}"
        if not isinstance(value, Mapping):
            found.append((dotted, value))
        elif _is_plural(value):
            found.append((dotted, dict(value)))
        else:
            found.extend(_flatten(value, dotted + "."))
    return found


def _is_plural(value: Mapping[str, Any]) -> bool:
    """Tell whether a mapping is one message in several forms, and not a group whose keys are called like forms."""
    forms = "other" in value and set(value) <= PLURAL_FORMS
    return forms and not any(isinstance(one, Mapping) for one in value.values())
