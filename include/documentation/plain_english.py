"""A check of the repository's prose: `python -m documentation.plain_english [--lower] [--show KIND]`.

It counts turns of phrase that a reader stumbles over, per kind of file, and compares the counts with
`.ci/plain_english.json`. A count may only fall. "How we write" in CONTRIBUTING.md says what to write instead.

Prose is: comments and docstrings of Python; comments and `comment on` texts of SQL; comments of YAML, shell and make;
Markdown outside code. Not read: generated pages, which repeat what Python and SQL say, and bench/history, which
is kept as it was written. The migrations 0025 to 0038 are not read either. An applied migration is never edited, and
0040 replaces the comments that they wrote.
"""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

REPOSITORY = Path(__file__).resolve().parents[2]
CEILING = Path(".ci/plain_english.json")
NOT_READ = re.compile(
    r"bench/(history|runs)/|bench/(RESULTS|faults)\.md|docs/(dags|data_dictionary)\.md|tests/migrations/before_baseline/"
    r"|include/sql/migrations/00(2[5-9]|3[0-8])_"
)

_COUNTED = (
    "array|attempt|batch|call|campaign|column|connection|copy|DAG|entry|file|folder|key|line|lock|mail|message|number|"
    "page|probe|process|request|row|run|select|statement|table|task|template|test|time|transaction|value|word"
)
_PER = (
    "attempt|batch|campaign|customer|event|file|folder|group|KPI|line|mail|member|message|page|person|process|"
    "query|recipient|request|row|run|session|stage|statement|step|table|test|topic|transaction|user|value|word|worker"
)
PHRASES = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "a row a mail (write: per mail)": rf"\b(?:{_COUNTED})s? an? (?:{_PER})\b(?! of)",
        "anew (write: again)": r"\banew\b",
        "beside (write: next to, with, besides)": r"\bbeside\b",
        "in mid-…, in the midst (write: during)": r"\bin (?:mid-\w+|the midst of)\b",
        "mend (write: repair, correct)": r"\bmend(?:s|ed|ing)?\b",
        "nobody (write: who)": r"\bnobody\b",
        "of which, 3 of them (write: the noun)": r"\bof which\b|\d of (?:them|those)\b",
        "reckon (write: compute, count)": r"\breckon\w*",
        "somebody (write: who)": r"\bsomebody\b",
        "tell of (write: report, name)": r"\b(?:tell|tells|told) of\b",
        "where it … (write: if it …)": r"\bwhere (?:he|it|none|one|that|there|they|this)\b(?! (?:lay|lies|st[ao]))",
        "whoever (write: who)": r"\bwhoever\b",
    }.items()
}


@dataclass(frozen=True)
class Found:
    """One phrase at its place: path below the repository, line from 1, name of the phrase."""

    path: str
    line: int
    phrase: str


def phrases_of(text: str, suffix: str) -> Iterator[tuple[int, str]]:
    """Yield line and phrase of a file's prose; `suffix` says how to read it, '.py' for instance."""
    for line, prose in _READERS[suffix](text):
        for name, pattern in PHRASES.items():
            for match in pattern.finditer(prose):
                yield line + prose.count("\n", 0, match.start()), name


def _python(text: str) -> Iterator[tuple[int, str]]:
    """Comments, and the texts that stand alone as a statement: docstrings of modules, classes, functions, fields."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def _sql(text: str) -> Iterator[tuple[int, str]]:
    for line, row in enumerate(text.splitlines(), start=1):
        if "--" in row:
            yield line, row.partition("--")[2]
    for match in re.finditer(r"^comment on .*?;$", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, match.start()) + 1, match.group(0)


def _markdown(text: str) -> Iterator[tuple[int, str]]:
    """The whole page, since a phrase may run over the end of a line; code is blanked."""
    code = r"^```.*?^```$|`[^`\n]+`"
    yield 1, re.sub(code, lambda found: "·" + "\n" * found[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)


def _hashes(text: str) -> Iterator[tuple[int, str]]:
    for line, row in enumerate(text.splitlines(), start=1):
        if found := re.search(r"(?:^|\s)#(.*)", row):
            yield line, found[1]


_READERS: dict[str, Callable[[str], Iterator[tuple[int, str]]]] = {
    ".py": _python, ".sql": _sql, ".md": _markdown, ".yaml": _hashes, ".yml": _hashes,
}  # fmt: skip
KINDS = {".py": "Python", ".sql": "SQL", ".md": "Markdown", ".yaml": "YAML", ".yml": "YAML"}


def find(repository: Path) -> dict[str, list[Found]]:
    """Return kind of file → every phrase in the repository's own files, as git knows them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True).stdout
    found: dict[str, list[Found]] = {kind: [] for kind in KINDS.values()}
    for path in sorted(set(listed.splitlines())):
        file = repository / path
        if file.suffix in _READERS and file.is_file() and not NOT_READ.match(path) and file != Path(__file__):
            text = file.read_text(encoding="utf-8")
            found[KINDS[file.suffix]] += [Found(path, *one) for one in phrases_of(text, file.suffix)]
    return found


def verdicts(counts: dict[str, int], ceiling: dict[str, int]) -> tuple[list[str], list[str]]:
    """Return a sentence for each count that rose, and one for each that fell."""
    rose = [
        f"{kind}: {count} phrases, and the ceiling is {ceiling.get(kind, 0)}. Rewrite the new ones"
        f" (python -m documentation.plain_english --show {kind}; CONTRIBUTING.md, How we write)."
        for kind, count in counts.items()
        if count > ceiling.get(kind, 0)
    ]
    fell = [
        f"{kind}: {count} phrases, and the ceiling is {ceiling[kind]}. Lower the ceiling"
        " (python -m documentation.plain_english --lower) and commit it."
        for kind, count in counts.items()
        if count < ceiling.get(kind, 0)
    ]
    return rose, fell


cli = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@cli.command()
def main(
    lower: Annotated[bool, typer.Option(help="Write the counts that fell into the ceiling file.")] = False,
    show: Annotated[str | None, typer.Option(help="Print each phrase of a kind of file with its place.")] = None,
) -> None:
    """Compare the counts with the ceiling; exit 1 if one rose."""
    found = find(REPOSITORY)
    for one in found.get(show or "", []):
        typer.echo(f"{one.path}:{one.line}: {one.phrase}")
    counts = {kind: len(all_of_it) for kind, all_of_it in found.items()}
    ceiling = json.loads((REPOSITORY / CEILING).read_text(encoding="utf-8"))
    if lower:
        ceiling = {kind: min(count, ceiling.get(kind, 0)) for kind, count in counts.items()}
        (REPOSITORY / CEILING).write_text(json.dumps(ceiling, indent=2) + "\n", encoding="utf-8")
    rose, fell = verdicts(counts, ceiling)
    for sentence in rose + fell:
        typer.echo(sentence)
    raise typer.Exit(1 if rose else 0)


if __name__ == "__main__":
    sys.exit(cli())
