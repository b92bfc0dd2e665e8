"""A document → the pydantic model it should be, or what is wrong with it: file, line and the nearest right word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lifecycle_mail.campaigns.crossing import CROSSED, Fault
from lifecycle_mail.campaigns.documents import Document, shown
from lifecycle_mail.campaigns.patterns import IN_WORDS
from lifecycle_mail.errors import CampaignError

Model = TypeVar("Model", bound=BaseModel)


def build(
    model: type[Model],
    document: Document,
    path: Path,
    at: tuple[Any, ...] = (),
    extra: dict[str, Any] | None = None,
) -> Model:
    """Return the `model` that stands at `at` in the document, with the values of `extra` added.

    Raises:
        CampaignError: one line per error, each with file, line and what to write instead.
    """
    made, problems = survey(model, document, path, at, extra)
    if made is None:
        raise CampaignError("\n".join(problems))
    return made


def survey(
    model: type[Model],
    document: Document,
    path: Path,
    at: tuple[Any, ...] = (),
    extra: dict[str, Any] | None = None,
) -> tuple[Model | None, list[str]]:
    """Return what `build` returns or None, and all that is wrong with it, in the order of the file."""
    value = document.value
    for key in at:
        value = value[key]
    if not isinstance(value, dict):
        found = "the file is empty" if document.value is None else "the value here is not a mapping"
        return None, [
            f"{path.name}:{document.line(at)}: {found}: write keys and values, such as `name: value`"
        ]
    values = {**value, **(extra or {})}
    try:
        return model.model_validate(values), []
    except ValidationError as error:
        told = [_describe(problem, model, document, path, at) for problem in _telling(error, document, at)]
    crossed: Callable[[Any], Iterable[Fault]] = getattr(model, "crossed", lambda _values: ())
    told += [
        f"{path.name}:{document.line((*at, *place))}: '{_named(place)}': {wrong}" for place, wrong in crossed(values)
    ]
    return None, in_file_order(told, path)


def _named(place: Iterable[Any]) -> str:
    return shown(".".join(str(part) for part in place) or "the file")


def in_file_order(problems: Iterable[str], path: Path) -> list[str]:
    """Return the problems of one file by their lines, each once; those without a line come first."""
    begins = re.compile(rf"{re.escape(path.name)}:(\d+): ")

    def line(problem: str) -> int:
        found = begins.match(problem)
        return int(found[1]) if found else 0

    return sorted(dict.fromkeys(problems), key=line)


def _telling(error: ValidationError, document: Document, at: tuple[Any, ...]) -> list[Any]:
    """Return what is wrong with single values, as far as the document did not refuse them.

    A list with a wrong item is also reported as too short; only the item's error is kept.
    """
    found = [
        one for one in error.errors() if one["type"] != CROSSED and not document.is_spoiled((*at, *one["loc"]))
    ]
    inner = {problem["loc"][:1] for problem in found if len(problem["loc"]) > 1}
    return [one for one in found if not (one["type"] == "too_short" and one["loc"] in inner)]


def _describe(
    problem: Any, model: type[BaseModel], document: Document, path: Path, at: tuple[Any, ...]
) -> str:
    place = problem["loc"] or problem.get("ctx", {}).get("place", ())
    place = [part for part in place if part != "[key]"]
    location = (*at, *(part for part in place if not _is_kind(part)))
    where = f"{path.name}:{document.line(location)}"
    name = shown(".".join(str(part) for part in place if not _is_kind(part)) or "the file")
    if problem["type"] == "extra_forbidden":
        known = _known_keys(model, problem["loc"][:-1])
        return f"{where}: unknown key '{name}'{did_you_mean(shown(problem['loc'][-1]), known)}"
    if problem["type"] == "missing":
        return f"{where}: '{name}' is missing: add it"
    if problem["type"] == "literal_error":
        choices = problem["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        written = shown(problem["input"])
        return f"{where}: '{name}' is '{written}'{did_you_mean(written, choices)}"
    if problem["type"] == "string_pattern_mismatch" and problem["ctx"]["pattern"] in IN_WORDS:
        return f"{where}: '{name}' is '{shown(problem['input'])}': {IN_WORDS[problem['ctx']['pattern']]}"
    message = " ".join(str(problem["msg"]).split()).removeprefix("Value error, ")
    return f"{where}: '{name}': {message}"


def _is_kind(part: Any) -> bool:
    """Tell whether a part of an error's place is no key: which of several models was meant, as `[Model]`."""
    return isinstance(part, str) and part.startswith("[")


def _known_keys(model: type[BaseModel], location: Iterable[Any]) -> list[str]:
    """Return the keys that are allowed at `location` inside `model`."""
    schema = model.model_json_schema(by_alias=True)
    place = schema
    for part in location:
        if _is_kind(part):
            place = next(one for one in place["oneOf"] if one["$ref"].endswith(f"/{part.strip('[]')}"))
            continue
        place = _resolve(schema, place, isinstance(part, int))
        place = place.get("items", {}) if isinstance(part, int) else _under(place, part)
    return list(_resolve(schema, place, False).get("properties", {}))


def _under(place: dict[str, Any], key: Any) -> dict[str, Any]:
    """Return what the schema says of a key: its own property, else the schema of all values of a mapping."""
    any_key = [place.get("additionalProperties"), *place.get("patternProperties", {}).values()]
    found = [one for one in (place.get("properties", {}).get(key), *any_key) if isinstance(one, dict)]
    return found[0] if found else {}


def _resolve(schema: dict[str, Any], place: dict[str, Any], is_list: bool) -> dict[str, Any]:
    """Return the list or the mapping that may stand at a place."""
    for option in [place, *place.get("anyOf", [])]:
        if is_list and option.get("type") == "array":
            return option
        if "$ref" in option:
            found: dict[str, Any] = schema["$defs"][option["$ref"].rsplit("/", 1)[1]]
            return found
    return place


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return ": did you mean '…'?" with the nearest of `known`, else ": choose one of …"."""
    nearest = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if nearest:
        return f": did you mean '{nearest[0]}'?"
    return f": choose one of {', '.join(known)}" if known else ""
