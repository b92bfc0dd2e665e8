"""One YAML file that a person wrote → plain values with the line of every key, or one readable refusal.

Campaign, topic and brand files and the translations are all read through this module. It checks the file event by event
before it builds anything. So a file, however odd, costs no more than its own refusal: no time, no memory, and no
traceback that would stop the other files.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lifecycle_mail.errors import CampaignError

LARGEST_BYTES = 256 * 1024
DEEPEST = 20  # lists and mappings inside one another
MOST_VALUES = 10_000
LONGEST_NUMBER = 40  # characters of a number or a date
LONGEST_SHOWN = 60  # characters of the written text that an error repeats

_TEXT = "tag:yaml.org,2002:str"
# `=` and `<<` have a meaning in YAML 1.1 that is not needed here: as a value they are text.
_AS_TEXT = {_TEXT, "tag:yaml.org,2002:value", "tag:yaml.org,2002:merge"}
_ONE_BY_ONE = "aliases and anchors (&, *) are not used here: write the value out"


class OddNumber(int):
    """A whole number that is not written as people write it: 0012 is ten to YAML, and 1_7 is seventeen."""


@dataclass(frozen=True)
class Document:
    """The values of a file (mappings have text as keys), and the line of every key. `None` = the file is empty.

    `problems` are single values that were refused, one line each. They stand at `spoiled`, and are None in `value`.
    """

    value: Any
    lines: dict[tuple[Any, ...], int]
    problems: tuple[str, ...] = ()
    spoiled: frozenset[tuple[Any, ...]] = frozenset()

    def is_spoiled(self, location: Sequence[Any]) -> bool:
        """Tell whether the value at `location`, or one around it, was refused already."""
        return any(tuple(location[:length]) in self.spoiled for length in range(len(location) + 1))

    def line(self, location: Sequence[Any]) -> int:
        """Return the line of `location`, or of the nearest thing around it. One value stands for a list of one, too."""
        place = tuple[Any, ...]()
        for part in location:
            if (*place, part) in self.lines:
                place = (*place, part)
            elif part != 0:
                break
        return self.lines.get(place, 1)


def read_document(path: Path) -> Document:
    """Read one YAML file of at most LARGEST_BYTES, DEEPEST levels and MOST_VALUES values.

    Keys are text as written (`on` stays `on`). Not permitted are anchors, aliases, merges, tags, further documents,
    infinite numbers, and control characters. A byte order mark is ignored.

    Raises:
        CampaignError: the file is refused; one line per problem, each with file, line and what to do.
    """
    return parse_document(path, _text_of(path))


def parse_document(path: Path, text: str) -> Document:
    """Return the values in the text of the YAML file `path`, within the limits of `read_document`.

    Raises:
        CampaignError: the text is refused; one line per problem, each with file, line and what to do.
    """
    document = _parsed(path, text)
    if document.problems:
        raise CampaignError("\n".join(document.problems))
    return document


def survey_document(path: Path) -> Document:
    """Read one YAML file as `read_document` does, and return also one with values that are refused.

    Raises:
        CampaignError: nothing of the file can be read.
    """
    return _parsed(path, _text_of(path))


def _parsed(path: Path, text: str) -> Document:
    text = text.removeprefix("\ufeff")
    if len(text.encode(errors="replace")) > LARGEST_BYTES:
        raise _too_large(path)
    try:
        _require_plain(path, text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        builder = _Builder(path)
        value = None if node is None else builder.build(node, ())
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CampaignError(f"{path.name}:{line}: is not YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise CampaignError(f"{path.name}:{line}: a control character stands here: take it out") from None
    except (yaml.YAMLError, ValueError, OverflowError):
        # ValueError: PyYAML's scanner raises it for an escape such as "\Uffffffff" that is not a character.
        raise CampaignError(f"{path.name}:1: is not YAML: an escape in quotes is not a character") from None
    return Document(value, builder.lines, tuple(builder.problems), frozenset(builder.spoiled))


def shown(value: Any) -> str:
    """Return the written value in one line, short enough for an error."""
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _too_large(path: Path) -> CampaignError:
    return CampaignError(f"{path.name}: is larger than {LARGEST_BYTES // 1024} kB: check that it is the right file")


def _text_of(path: Path) -> str:
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CampaignError(f"{path.name}: is not a file: put the YAML file itself here")
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise CampaignError(f"{path.name}: cannot be read: {_remedy(path, error)}") from None
    if len(content) > LARGEST_BYTES:
        raise _too_large(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CampaignError(f"{path.name}: is not UTF-8 text: save it as UTF-8") from None


def _open_at_once(name: str, flags: int) -> int:
    """Open without waiting; a pipe would otherwise wait for a writer."""
    return os.open(name, flags | os.O_NONBLOCK)


def _remedy(path: Path, error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return "it is a folder: put the YAML file itself here"
    if path.is_symlink() and isinstance(error, FileNotFoundError):
        return "it is a link that leads nowhere: put the file back, or remove the link"
    return "check the file and its permissions"


def _require_plain(path: Path, text: str) -> None:
    """Refuse what could grow or never end, at the first event that shows it."""
    depth = values = documents = 0
    for event in _events(text):
        problem = ""
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            problem = "a second document begins here ('---'): keep one document per file" if documents > 1 else ""
        elif isinstance(event, yaml.NodeEvent):
            values += 1
            depth += isinstance(event, yaml.CollectionStartEvent)
            problem = _problem_of(event, depth, values)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if problem:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise CampaignError(f"{path.name}:{line}: {problem}")


def _events(text: str) -> Iterator[yaml.Event]:
    yield from yaml.parse(text, Loader=yaml.SafeLoader)


def _problem_of(event: yaml.NodeEvent, depth: int, values: int) -> str:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        return _ONE_BY_ONE
    if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
        return f"tags such as {shown(event.tag)} are not used here: write the plain value"
    if depth > DEEPEST:
        return f"lists and mappings are nested more than {DEEPEST} levels deep: remove some levels"
    if values > MOST_VALUES:
        return f"the file has more than {MOST_VALUES} values: check that it is the right file"
    return ""


class _Builder:
    """Builds plain values from the nodes of one file, and records the line of every key, and what it refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[tuple[Any, ...], int] = {}
        self.problems: list[str] = []
        self.spoiled: set[tuple[Any, ...]] = set()

    def build(self, node: yaml.Node, at: tuple[Any, ...]) -> Any:
        """Return the value of a node; `at` is where it stands."""
        self.lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(value, (*at, index)) for index, value in enumerate(node.value)]
        node.value = _joined(node.value)
        return self.scalar(node, at)

    def mapping(self, node: yaml.MappingNode, at: tuple[Any, ...]) -> dict[str, Any]:
        """Return the values by their keys, as they are written. A key that is refused is left out."""
        found: dict[str, Any] = {}
        for key, value in node.value:
            if wrong := self.wrong_key(key, at):
                self.refuse(key, wrong)
                continue
            self.lines[(*at, key.value)] = key.start_mark.line + 1
            found[str(key.value)] = self.build(value, (*at, key.value))
        return found

    def wrong_key(self, node: yaml.Node, at: tuple[Any, ...]) -> str | None:
        """Return what is wrong with a key: it must be plain text and occur once."""
        if not isinstance(node, yaml.ScalarNode):
            return "the key is a list or mapping, but must be plain text: put {…} in quotes"
        if node.value == "<<":
            return "'<<' (a merge) is not used here: write the keys out"
        if odd := _odd_character(node):
            return odd
        return f"'{shown(node.value)}' is given twice: remove one" if (*at, node.value) in self.lines else None

    def scalar(self, node: yaml.Node, at: tuple[Any, ...]) -> Any:
        """Return text, a number, true or false, a date, or None. Neither the database nor a mail can hold control
        characters and halves of characters: a text with one is refused."""
        if odd := _odd_character(node):
            return self.spoil(node, at, odd)
        if node.tag in _AS_TEXT:
            return node.value
        try:
            if len(node.value) > LONGEST_NUMBER:
                raise ValueError
            value = yaml.SafeLoader.yaml_constructors[node.tag](_CONSTRUCTOR, node)
        except (ValueError, OverflowError, KeyError):
            return self.spoil(node, at, _no_value(node, at))
        if isinstance(value, float) and not math.isfinite(value):
            return self.spoil(node, at, _no_value(node, at))
        return OddNumber(value) if type(value) is int and str(value) != node.value else value

    def spoil(self, node: yaml.Node, at: tuple[Any, ...], problem: str) -> None:
        """Refuse the value at `at`."""
        self.spoiled.add(at)
        self.refuse(node, problem)

    def refuse(self, node: yaml.Node, problem: str) -> None:
        """Record what is wrong at one place."""
        self.problems.append(f"{self.path.name}:{node.start_mark.line + 1}: {problem}")


def _no_value(node: yaml.Node, at: tuple[Any, ...]) -> str:
    """Say that YAML takes a text for a number or a date, and that it is neither."""
    where = ".".join(map(str, at)) or "the file"
    return f"'{shown(where)}': {shown(node.value)} is not a number or a date: write one, or put it in quotes"


def _odd_character(node: yaml.Node) -> str | None:
    odd = next((one for one in node.value if _is_control(one)), None)
    return None if odd is None else f"the text has the character U+{ord(odd):04X}: take it out"


_CONSTRUCTOR = yaml.SafeLoader("")


def _joined(text: str) -> str:
    """Return the text with halves of characters put together, as JSON writes them in escapes."""
    if text.isascii() or not any(0xD800 <= ord(one) <= 0xDFFF for one in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _is_control(character: str) -> bool:
    code = ord(character)
    return (code < 0x20 and character not in "\n\t") or 0x7F <= code < 0xA0 or 0xD800 <= code <= 0xDFFF
