"""Small changes of a YAML file's text: single values, everything else as a person wrote it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

Place = tuple[Any, ...]


class YamlText:
    """The text of a YAML file that was read without an error, and the changes to it."""

    def __init__(self, text: str) -> None:
        self._text = text if text.endswith("\n") else f"{text}\n"
        self._nodes: dict[Place, tuple[yaml.Node, yaml.Node]] = {}
        self._changes: list[tuple[int, int, str]] = []
        root = yaml.compose(self._text, Loader=yaml.SafeLoader)
        if root is not None:
            self._nodes[()] = (root, root)
            self._find(root, ())

    def _find(self, node: yaml.Node, at: Place) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._nodes[(*at, key.value)] = (key, value)
                self._find(value, (*at, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._nodes[(*at, index)] = (value, value)
                self._find(value, (*at, index))

    def has(self, *place: Any) -> bool:
        """Tell whether the file has a value at `place`."""
        return place in self._nodes

    def set(self, place: Place, value: str) -> None:
        """Replace the value at `place` by a plain text."""
        _, node = self._nodes[place]
        self._changes.append((node.start_mark.index, node.end_mark.index, value))

    def mark(self, place: Place, comment: str) -> None:
        """Put a comment above the line in which `place` stands."""
        begins = self._line(self._nodes[place][0])
        written = self._text[begins:]
        indent = written[: len(written) - len(written.lstrip(" "))]
        self._changes.append((begins, begins, f"{indent}# {comment}\n"))

    def remove(self, key: str) -> None:
        """Take out a key of the file's own, with its lines."""
        key_node, value = self._nodes[(key,)]
        ends = value.end_mark.index
        if self._text[ends - 1] != "\n":  # a value in one line, or in brackets: a comment behind it goes too
            ends = self._text.index("\n", ends) + 1
        self._changes.append((self._line(key_node), ends, ""))

    def add(self, key: str, names: tuple[str, ...], values: Mapping[str, Any], comment: str | None = None) -> bool:
        """Add values inside the mapping at the file's own `key`, below the keys `names`.

        Values are texts, or mappings of texts. Returns False if that mapping is written in braces.
        """
        indent, begins = 2, len(self._text)
        head = "" if self.has(key) else f"{key}:\n"
        if self.has(key):
            key_node, node = self._nodes[(key,)]
            if isinstance(node, yaml.MappingNode):
                if node.flow_style:
                    return False
                indent, begins = node.start_mark.column, node.end_mark.index
            else:
                begins = self._text.index("\n", key_node.start_mark.index) + 1
        lines = [f"{' ' * indent}# {comment}"] if comment else []
        lines += [f"{' ' * (indent + 2 * depth)}{name}:" for depth, name in enumerate(names)]
        lines += _written(values, indent + 2 * len(names))
        self._changes.append((begins, begins, head + "".join(f"{line}\n" for line in lines)))
        return True

    def text(self) -> str:
        """Return the changed text."""
        text = self._text
        for begins, ends, new in sorted(self._changes, key=lambda change: change[0], reverse=True):
            text = text[:begins] + new + text[ends:]
        return text

    def _line(self, node: yaml.Node) -> int:
        return self._text.rfind("\n", 0, node.start_mark.index) + 1


def _written(values: Mapping[str, Any], indent: int) -> list[str]:
    lines = list[str]()
    for key, value in values.items():
        begins = f"{' ' * indent}{key}:"
        if isinstance(value, Mapping):
            lines += [begins, *_written(value, indent + 2)]
        else:
            lines.append(f"{begins} {json.dumps(value, ensure_ascii=False)}")
    return lines
