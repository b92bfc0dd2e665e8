"""Nothing is paired by position: an insert's columns and its select's, and those of a union, have the same names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lifecycle_mail.database import SQL_FOLDER, statement
from lifecycle_mail.kpis.facts import for_facts
from lifecycle_mail.kpis.timeline import HAPPENINGS
from lifecycle_mail.words import CONDITIONS, EXITS, GOALS

TOKEN = re.compile(r"'(?:[^']|'')*'|[():,]|::|[\w.*:]+|[^\s\w]")
END = {"from", "where", "union", "group", "order", "on", "limit", "returning", "having", "window"}
NO_STATEMENTS = {"migrations", "schema"}
FILES = sorted(
    file for file in SQL_FOLDER.glob("*/**/*.sql") if not NO_STATEMENTS & set(file.relative_to(SQL_FOLDER).parts)
)


class Statement:
    """The tokens of a statement, each with how deep in brackets it stands."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, int]] = []
        depth = 0
        for token in TOKEN.findall(text):
            depth -= token == ")"
            self.tokens.append((token, depth))
            depth += token == "("

    def names(self, begin: int) -> list[str]:
        """Return the names of the comma-separated list that begins at a token and ends with its bracket or clause."""
        depth = self.tokens[begin][1]
        names, last = [], ""
        for token, here in self.tokens[begin:]:
            if here < depth or (here == depth and token in END):
                break
            if here == depth and token == ",":
                names.append(last)
            elif here == depth:
                last = token.rpartition(".")[2]
        return [*names, last]

    def places(self, word: str, after: int = 0) -> list[int]:
        """Return where a word stands."""
        return [place for place, (token, _) in enumerate(self.tokens) if token == word and place >= after]

    def selected(self, place: int) -> list[str]:
        """Return the names that the select at a place gives."""
        begin = place + 1
        if self.tokens[begin][0] == "distinct":
            begin += 1
            if self.tokens[begin][0] == "on":
                begin = next(n for n in range(begin, len(self.tokens)) if self.tokens[n][0] == ")") + 1
        return self.names(begin)


def pairs(text: str) -> list[tuple[list[str], list[str]]]:
    """Return the lists of names that a statement pairs: an insert with its select, a part of a union with the next."""
    one = Statement(text)
    found = []
    for place in one.places("into"):
        opening = next((n for n in one.places("(", place) if n - place <= 4), None)
        if opening is None:
            continue
        depth = one.tokens[place][1]
        closing = next(n for n in one.places(")", opening) if one.tokens[n][1] == depth)
        if one.tokens[closing + 1][0] == "values":
            continue
        (select, *_) = [n for n in one.places("select", closing) if one.tokens[n][1] == depth]
        found.append((one.names(opening + 1), one.selected(select)))
    for place in one.places("union"):
        depth = one.tokens[place][1]
        before = [n for n in one.places("select") if n < place and one.tokens[n][1] == depth]
        after = [n for n in one.places("select", place) if one.tokens[n][1] == depth]
        found.append((one.selected(before[-1]), one.selected(after[0])))
    return found


def name_of(file: Path) -> str:
    """Return the statement's name."""
    return file.relative_to(SQL_FOLDER).with_suffix("").as_posix()


@pytest.mark.parametrize("name", [name_of(file) for file in FILES])
def test_columns_are_paired_by_name(name: str) -> None:
    """The n-th column of both sides is the same one; otherwise the statement would mix two columns without an error."""
    text = for_facts(name).text if name.startswith("kpis/") else statement(name).text
    for one, other in pairs(text):
        assert one == other
        assert "*" not in one
        assert len(set(one)) == len(one)


@pytest.mark.parametrize("folder", [EXITS, CONDITIONS, GOALS, HAPPENINGS])
def test_the_files_of_a_folder_are_put_together_by_name(folder: str) -> None:
    """Any choice of words becomes parts of a union: each file of a folder selects the same columns in one order."""
    ones = [Statement(statement(name_of(file)).text) for file in (SQL_FOLDER / folder).glob("*.sql")]
    columns = {tuple(one.selected(min(n for n in one.places("select") if one.tokens[n][1] == 0))) for one in ones}
    assert len(columns) == 1


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("insert into a (x, y) select b.x, b.z as y from b", True),
        ("insert into a (x, y) select b.y, b.x from b", False),
        ("insert into a as k (x, y) select distinct on (b.x) b.x, max(b.y, (b.z)) as y from b", True),
        ("with c as (select 1 as x union all select 2 as y) select c.x from c", False),
        ("with c as (insert into a (x) values (1) returning x) select c.x, c.x as z from c", True),
    ],
)
def test_the_comparison_sees_what_differs(text: str, is_right: bool) -> None:
    """Two columns that changed places, or that have different names, are found."""
    assert all(one == other for one, other in pairs(text)) == is_right
