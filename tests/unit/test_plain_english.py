"""The count of phrases that plain prose does without: only prose is searched, and the count may only fall."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from documentation import plain_english

PYTHON = '''"""One row a mail, made anew."""

rows = "one row a mail, made anew"  # nobody counts this one, where it is none


def size() -> int:
    """The size.

    Whoever asks is told of two mails, one beside the other.
    """
    return 2
'''

SQL = """-- Mends what somebody left.
-- Grain: one row a customer.
select 'nobody' as name from source.customer where it = 1;

comment on table source.customer is 'Customers, of which some '
'are reckoned anew.';
"""

MARKDOWN = """# Of which

A worker dies in the midst of
it, and nobody
looks.

```sh
echo one row a mail, nobody
```

Where there is none, 3 of them go. `nobody` is a word in code.
"""

YAML = """# one file a campaign
name: nobody  # whoever reads it
"""


@pytest.mark.parametrize(
    ("suffix", "text", "expected"),
    [
        (".py", PYTHON, [
            (1, "a row a mail"), (1, "anew"), (3, "nobody"), (3, "where it …"), (9, "whoever"), (9, "tell of"),
            (9, "beside"),
        ]),
        (".sql", SQL, [(1, "mend"), (1, "somebody"), (2, "a row a mail"), (5, "of which"), (6, "anew"), (6, "reckon")]),
        (".md", MARKDOWN, [(1, "of which"), (3, "in mid-…"), (4, "nobody"), (11, "where it …"), (11, "of which")]),
        (".yaml", YAML, [(1, "a row a mail"), (2, "whoever")]),
    ],
)  # fmt: skip
def test_phrases_are_found_in_prose_alone(suffix: str, text: str, expected: list[tuple[int, str]]) -> None:
    """Comments, docstrings, comments of tables and Markdown are read; code, values and code blocks are not."""
    found = [(line, _short(name, expected)) for line, name in plain_english.phrases_of(text, suffix)]
    assert sorted(found) == sorted(expected)


def _short(name: str, expected: list[tuple[int, str]]) -> str:
    """Return the expected name that `name` begins with, or `name` itself."""
    return next((short for _, short in expected if name.startswith(short)), name)


@pytest.mark.parametrize(
    "prose",
    [
        "A mail has one row. It sends 1,000 mails a second, and one of them goes first.",
        "The folder where it lies is read again. A file is a campaign. Besides, a recommendation came.",
        "Compute it again if it is missing. This tells which one.",
    ],
)
def test_plain_prose_is_left_alone(prose: str) -> None:
    """The phrases are rare enough in plain prose to be counted."""
    assert list(plain_english.phrases_of(prose, ".md")) == []


def test_a_count_that_rose_fails_and_one_that_fell_is_to_be_lowered() -> None:
    """Each kind of file has its own ceiling; a kind without one has the ceiling 0."""
    rose, fell = plain_english.verdicts(
        {"Python": 5, "SQL": 3, "Markdown": 2, "YAML": 1}, {"Python": 4, "SQL": 3, "Markdown": 9}
    )
    assert [sentence.partition(":")[0] for sentence in rose] == ["Python", "YAML"]
    assert [sentence.partition(":")[0] for sentence in fell] == ["Markdown"]
    assert "Lower the ceiling" in fell[0]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A ceiling of two phrases of Markdown, and a repository in which three are found."""
    (tmp_path / ".ci").mkdir()
    found = [plain_english.Found("a.md", line, "anew") for line in (1, 2, 3)]
    monkeypatch.setattr(plain_english, "REPOSITORY", tmp_path)
    monkeypatch.setattr(plain_english, "find", lambda _: {"Markdown": found})
    return tmp_path / plain_english.CEILING


@pytest.mark.parametrize(("ceiling", "status", "after"), [(2, 1, 2), (3, 0, 3), (4, 0, 3)])
def test_lowering_never_raises_a_ceiling(planted: Path, ceiling: int, status: int, after: int) -> None:
    """`--lower` writes counts that fell; a count above its ceiling still fails."""
    planted.write_text(json.dumps({"Markdown": ceiling}))
    runner = CliRunner()
    assert runner.invoke(plain_english.cli, []).exit_code == status
    assert runner.invoke(plain_english.cli, ["--lower"]).exit_code == status
    assert json.loads(planted.read_text()) == {"Markdown": after}


def test_generated_pages_and_history_are_not_counted() -> None:
    """What is generated repeats what Python and SQL say; what is history stays as it was written."""
    found = plain_english.find(plain_english.REPOSITORY)
    paths = {one.path for kind in found.values() for one in kind}
    assert set(found) == {"Python", "SQL", "Markdown", "YAML"}
    assert not [path for path in paths if plain_english.NOT_READ.match(path)]
