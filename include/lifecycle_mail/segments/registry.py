"""The registry of segments: what exists, from whichever of three places, and with which parameters.

- every include/sql/segments/<name>.sql that begins with ``-- segment: <name>``
- every rules file include/segments/<name>.yaml (`rules`)
- the rules that were requested and approved in the warehouse, as far as `learn` was given them

Wherever a name is taken, the path of a rules file is taken too. The definition of an SQL segment is the comment at the
head of its own file. To add one is to add a file:

    -- segment: inactive
    -- what: one sentence
    --   that may go on, indented
    -- grain: customer_id, occurrence (…)
    -- parameter: days: integer, days of 24 hours, default 90, 1 to 3650, meaning
    -- look-back: how far back facts are read
    -- context: what a mail gets from it
    -- about: keys of the context that say what an occurrence is about; the first that has a value does
    -- moves: keys of the context that name a thing which may get another customer; journey.thing_of reads them
    -- ahead: the parameter, in days, that looks further ahead if it is raised
    --
    -- Anything below an empty comment line is for the reader of the SQL alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from lifecycle_mail.database import SQL_FOLDER, statement
from lifecycle_mail.errors import SegmentError
from lifecycle_mail.segments.rules import RuleSegment, read_rules
from lifecycle_mail.settings import INCLUDE

SEGMENTS_FOLDER = SQL_FOLDER / "segments"
RULES_FOLDER = INCLUDE / "segments"
RULES_ENDINGS = (".yaml", ".yml")
INSTANT = "as_of"
Asked = str | RuleSegment
"""A segment as functions take it: its name, the path of a rules file, or rules."""
_FIRST = "-- segment:"
_APPROVED: dict[str, RuleSegment | SegmentError] = {}
_FIELDS = ("segment", "what", "grain", "parameter", "look-back", "context", "about", "moves", "ahead")
_REQUIRED = ("segment", "what", "grain", "look-back")
_FIELD = re.compile(rf"-- (?P<field>{'|'.join(_FIELDS)}): (?P<text>.+)")
_PARAMETER = re.compile(
    r"(?P<name>[a-z][a-z0-9_]*): (?P<type>integer|number), (?P<unit>[^,]+), "
    r"default (?P<default>[-\d.]+), (?P<minimum>[-\d.]+) to (?P<maximum>[-\d.]+), (?P<meaning>.+)"
)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a segment, with its unit and the range of its values (both ends included)."""

    name: str
    type: str
    unit: str
    default: int | float
    minimum: int | float
    maximum: int | float
    meaning: str

    def read(self, given: object) -> int | float:
        """Return `given` (a number, or its text) as this parameter's value.

        Raises:
            ValueError: it is not a number of this type, or out of range; the text says what is allowed.
        """
        value = _number(given)
        if value is None or (self.type == "integer" and not float(value).is_integer()):
            raise ValueError(f"{given!r} is not {self._kind}: write {self._range}")
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{given!r} is out of range: write {self._range}")
        return int(value) if float(value).is_integer() else value

    @property
    def _kind(self) -> str:
        return "a whole number" if self.type == "integer" else "a number"

    @property
    def _range(self) -> str:
        return f"{self.minimum} to {self.maximum} ({self.unit})"


@dataclass(frozen=True)
class SegmentDefinition:
    """One segment, as the header of its file or its rules declare it."""

    name: str
    what: str
    grain: str
    look_back: str
    context: str
    parameters: tuple[Parameter, ...]
    about: tuple[str, ...] = ()
    moves: tuple[str, ...] = ()
    ahead: str | None = None
    rules: RuleSegment | None = None

    def parameter(self, name: str) -> Parameter:
        """Return the parameter called `name`.

        Raises:
            SegmentError: there is none; the message names the nearest.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        if name in known:
            return known[name]
        takes = f"it takes {', '.join(known)}" if known else "it takes none"
        raise SegmentError(f"segment {self.name} has no parameter {name!r}: {_nearest(name, known)}{takes}")

    def values(self, given: dict[str, Any]) -> dict[str, int | float]:
        """Return every parameter's value: the one in `given`, else its default.

        Raises:
            SegmentError: an unknown parameter, or a value of another type or out of range.
        """
        chosen = {parameter.name: parameter.default for parameter in self.parameters}
        for name, value in given.items():
            parameter = self.parameter(name)
            try:
                chosen[name] = parameter.read(value)
            except ValueError as error:
                raise SegmentError(f"segment {self.name}, parameter {name}: {error}") from None
        return chosen

    def looking_ahead(self, given: dict[str, Any], days: int) -> dict[str, int | float]:
        """Return every parameter's value, with that of `ahead` raised by `days`.

        Raises:
            SegmentError: as `values`; or the segment has no `ahead`, or the raised value is out of its range.
        """
        values = self.values(given)
        if self.ahead is None:
            raise SegmentError(
                f"segment {self.name} cannot look ahead: its header has no `-- ahead: …`; set join_ahead_days to 0"
            )
        return self.values({**values, self.ahead: values[self.ahead] + days})

    def key(self, given: dict[str, Any]) -> str:
        """Return the segment's key in segment.membership: ``inactive``, or ``inactive(days=30)``.

        The key has only the parameters that differ from their default, in alphabetical order. So one membership has one
        key, however the segment was asked for.
        """
        values = self.values(given)
        changed = [p for p in sorted(self.parameters, key=lambda p: p.name) if values[p.name] != p.default]
        return f"{self.name}({', '.join(f'{p.name}={values[p.name]}' for p in changed)})" if changed else self.name


def list_segments() -> list[SegmentDefinition]:
    """Return every segment, by name.

    Raises:
        SegmentError: a file cannot be read; the message has file and line.
    """
    return [definition(name) for name in _names()]


def readable_segments() -> tuple[list[SegmentDefinition], list[SegmentError]]:
    """Return the segments whose file is right, by name, and the errors of the others."""
    found, errors = [], []
    for name in _names():
        try:
            found.append(definition(name))
        except SegmentError as error:
            errors.append(error)
    return found, errors


def runs_as(asked: Asked) -> str | None:
    """Return the name of rules, or of a rules file, if a segment runs under it; None for names, and for new ones."""
    if isinstance(asked, str) and not asked.endswith(RULES_ENDINGS):
        return None
    name = definition(asked).name
    return name if name in _names() else None


def rule_segments() -> list[RuleSegment]:
    """Return the rules of every readable segment that has some, by name: those of files and the approved ones."""
    return [one.rules for one in readable_segments()[0] if one.rules is not None]


def learn(approved: Mapping[str, RuleSegment | SegmentError]) -> None:
    """Know these rules as the approved ones, and no others; an error stands for rules that cannot be read.

    The files of a name come first.
    """
    _APPROVED.clear()
    _APPROVED.update(approved)


def definition(name: Asked) -> SegmentDefinition:
    """Return the segment called `name`, or that of the rules file with this path, or of the rules themselves.

    Raises:
        SegmentError: there is none (the message names the nearest), or its file cannot be read.
    """
    if isinstance(name, RuleSegment):
        return of_rules(name)
    if name.endswith(RULES_ENDINGS):
        return of_rules(read_rules(Path(name)))
    found = _in_files(name)
    return _approved(name) if found is None else found


def _approved(name: str) -> SegmentDefinition:
    rules = _APPROVED.get(name)
    if rules is None:
        names = _names()
        raise SegmentError(f"no segment is called {name!r}: {_nearest(name, names)}there are {', '.join(names)}")
    if isinstance(rules, SegmentError):
        raise rules
    return of_rules(rules)


def in_files(name: str) -> bool:
    """Tell whether a file of the repository defines the segment, right or wrong."""
    return name in _sql_names() or rules_file(name).is_file()


def rules_file(name: str) -> Path:
    """Return the place of a segment's rules file in the repository."""
    return RULES_FOLDER / f"{name}.yaml"


@cache
def _in_files(name: str) -> SegmentDefinition | None:
    path, rules_path = SEGMENTS_FOLDER / f"{name}.sql", rules_file(name)
    is_sql, is_rules = name in _sql_names(), rules_path.is_file()
    if is_sql and is_rules:
        raise SegmentError(f"segment {name} is both {path.name} and {rules_path.name}: rename one of them")
    if is_sql:
        found = read_definition(path)
        _require_bound(found)
        return found
    return _of_rules_file(rules_path) if is_rules else None


def _of_rules_file(path: Path) -> SegmentDefinition:
    rules = read_rules(path)
    if rules.segment != path.stem:
        raise SegmentError(f"{path.name}: the segment is called {rules.segment!r}: write {path.stem!r}")
    return of_rules(rules)


def of_rules(rules: RuleSegment) -> SegmentDefinition:
    """Return the definition of a segment of rules. It takes no parameters, and its members have no context."""
    times = {"entry": "time of the entry", "once": "once", "month": "month of as_of in UTC"}
    return SegmentDefinition(
        name=rules.segment,
        what=rules.what,
        grain=f"customer_id, occurrence ({times[rules.occurrence]})",
        look_back="as far as its rules say",
        context="",
        parameters=(),
        rules=rules,
    )


def parameters(name: str, given: dict[str, Any]) -> dict[str, int | float]:
    """Return the value of every parameter of segment `name`: those `given` (numbers or texts), else the defaults.

    Raises:
        SegmentError: unknown segment or parameter, or a value of another type or out of range.
    """
    return definition(name).values(given)


def segment_key(name: str, given: dict[str, Any]) -> str:
    """Return the key of segment `name` with the parameters `given`, as it stands in segment.membership.

    Raises:
        SegmentError: as `parameters`.
    """
    return definition(name).key(given)


def read_definition(path: Path) -> SegmentDefinition:
    """Read the header of one segment file.

    Raises:
        SegmentError: the header is wrong; the message has file and line, and what to write.
    """
    fields: dict[str, str] = {}
    declared: list[Parameter] = []
    for line, field, text in _header(path):
        if field == "parameter":
            declared.append(_read_parameter(text, f"{path.name}, line {line}"))
        elif field in fields:
            raise SegmentError(f"{path.name}, line {line}: {field} is given twice: keep one")
        else:
            fields[field] = text
    for field in _REQUIRED:
        if field not in fields:
            raise SegmentError(f"{path.name}: the header has no `-- {field}: …`: add that line")
    if fields["segment"] != path.stem:
        raise SegmentError(f"{path.name}, line 1: the segment is called {fields['segment']!r}: write {path.stem!r}")
    ahead = fields.get("ahead")
    if ahead is not None and ahead not in {parameter.name for parameter in declared}:
        raise SegmentError(f"{path.name}: its header says `-- ahead: {ahead}`: name one of its parameters")
    return SegmentDefinition(
        name=path.stem,
        what=fields["what"],
        grain=fields["grain"],
        look_back=fields["look-back"],
        context=fields.get("context", ""),
        parameters=tuple(declared),
        about=_keys(fields.get("about", "")),
        moves=_keys(fields.get("moves", "")),
        ahead=ahead,
    )


def _keys(text: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in text.split(",") if key.strip())


def _header(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield (line, field, text) of a header, continuation lines joined. The first other line ends the header."""
    number, field, text = 0, "", ""
    for line, raw in enumerate(_text_of(path).splitlines(), start=1):
        match = _FIELD.fullmatch(raw)
        if match is None and field and raw.startswith("--   "):
            text = f"{text} {raw[2:].strip()}"
            continue
        if field:
            yield number, field, text
        if match is None:
            return _refuse_unknown(path, line, raw)
        number, field, text = line, match["field"], match["text"].strip()


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SegmentError(f"{path.name}: the file is not UTF-8 text: save it as UTF-8") from None
    except OSError:
        raise SegmentError(f"{path.name}: the file cannot be read: check the file and its permissions") from None


def _refuse_unknown(path: Path, line: int, raw: str) -> None:
    """Refuse a header line with an unknown field; an empty comment or SQL ends the header."""
    word = re.match(r"-- ([\w-]+):", raw)
    if word:
        raise SegmentError(f"{path.name}, line {line}: unknown field {word[1]!r}: {_nearest(word[1], _FIELDS)}")


def _read_parameter(text: str, where: str) -> Parameter:
    match = _PARAMETER.fullmatch(text)
    numbers = {name: _number(match[name]) for name in ("default", "minimum", "maximum")} if match else {}
    if match is None or None in numbers.values():
        raise SegmentError(
            f"{where}: this parameter cannot be read: write "
            "`-- parameter: days: integer, days of 24 hours, default 90, 1 to 3650, meaning`"
        )
    parameter = Parameter(
        match["name"],
        match["type"],
        match["unit"],
        **numbers,  # type: ignore[arg-type]
        meaning=match["meaning"],
    )
    try:
        parameter.read(parameter.default)
    except ValueError as error:
        raise SegmentError(f"{where}: the default {error}") from None
    return parameter


def _require_bound(found: SegmentDefinition) -> None:
    """Refuse a segment whose statement binds other names than as_of and the parameters of its header."""
    bound = set(statement(f"segments/{found.name}").compile().params)
    declared = {parameter.name for parameter in found.parameters} | {INSTANT}
    if bound != declared:
        odd = ", ".join(sorted(bound ^ declared))
        raise SegmentError(
            f"{found.name}.sql: header and statement disagree on {odd}: declare it in the one and bind it in the other"
        )


def _names() -> list[str]:
    return sorted({*_sql_names(), *(path.stem for path in RULES_FOLDER.glob("*.yaml")), *_APPROVED})


def _sql_names() -> list[str]:
    return [path.stem for path in SEGMENTS_FOLDER.glob("*.sql") if _is_segment(path)]


def _is_segment(path: Path) -> bool:
    """Decide by the first line alone, so that any other error in the file is reported when the segment is used."""
    try:
        if not path.is_file():
            return False
        with path.open(encoding="utf-8", errors="replace") as lines:
            return lines.readline().lstrip("\ufeff").startswith(_FIRST)
    except OSError:
        return False


def _number(given: object) -> int | float | None:
    """Return the finite number that `given` is or says; None if it is not one (true and false are not)."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        value = float(given)
    except (ValueError, OverflowError):
        return None
    if value != value or value in (float("inf"), float("-inf")):
        return None
    return int(value) if value.is_integer() else value


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}? " if near else ""
