"""A form's fields → the text of a rules file. One rule per line, as in a rules file: ``is: country, in: [TH, TW]``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lifecycle_mail.campaigns import parse_document
from lifecycle_mail.errors import CampaignError, SegmentError

HEAD = ("segment", "what", "owner", "occurrence")
GROUPS = ("all", "any", "none")
_FILE = re.compile(r"^rules\.yaml:\d+: ", re.MULTILINE)
_PLACE = re.compile(r"^(?P<before>.*?)'rules\.(?P<group>all|any|none)\.(?P<number>\d+)\.?(?P<key>[^']*)'", re.MULTILINE)


def rules_of_form(fields: Mapping[str, Any]) -> str:
    """Return the rules file of a form: the fields of HEAD as they are, those of GROUPS with one rule per line.

    Raises:
        SegmentError: a line is no rule; the message has field and line.
    """
    rules = {group: _rules(group, str(fields.get(group) or "")) for group in GROUPS}
    written = {name: str(fields[name]).strip() for name in HEAD if fields.get(name)}
    plain = {**written, "rules": {group: found for group, found in rules.items() if found}}
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)


def as_in_form(refused: SegmentError, fields: Mapping[str, Any]) -> SegmentError:
    """Return the error of a form's rules with the places of the form: field and line, as no person sees the file."""

    def place(match: re.Match[str]) -> str:
        written = str(fields.get(match["group"]) or "").splitlines()
        lines = [number for number, line in enumerate(written, start=1) if line.strip().removeprefix("- ")]
        named = f"'{match['key']}'" if match["key"] else "the rule"
        return f"{match['group']}, line {lines[int(match['number'])]}: {match['before']}{named}"

    return SegmentError(_PLACE.sub(place, _FILE.sub("", str(refused))))


def _rules(group: str, text: str) -> list[Any]:
    lines = [(number, line.strip().removeprefix("- ")) for number, line in enumerate(text.splitlines(), start=1)]
    return [_rule(f"{group}, line {number}", line) for number, line in lines if line]


def _rule(where: str, line: str) -> Any:
    try:
        found = parse_document(Path(where), line if line.startswith("{") else f"{{{line}}}").value
    except CampaignError as error:
        raise SegmentError(str(error).replace(":1:", ":", 1)) from None
    if not isinstance(found, dict) or None in found.values():
        raise SegmentError(f"{where}: this is no rule: write one such as `is: country, in: [TH, TW]`")
    return found
