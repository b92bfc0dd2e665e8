"""`segment new`: a segment that works, with a case that passes, both to be changed."""

from __future__ import annotations

from pathlib import Path

from lifecycle_mail.command_line.new_files import blueprint, require_name, shown, write_new
from lifecycle_mail.errors import SegmentError
from lifecycle_mail.settings import INCLUDE

REPOSITORY = INCLUDE.parent
CASE = "test_who_is_a_member"
CASE_FILES = ("given.yaml", "params.yaml", "expect.yaml")


def new_sql_segment(name: str) -> list[Path]:
    """Write include/sql/segments/<name>.sql and its case; return the paths.

    Raises:
        LifecycleError: the name is no plain word or taken, or there is no repository that may be written.
    """
    _require_free(name)
    tests = REPOSITORY / "tests" / "sql"
    if not tests.is_dir():
        raise SegmentError(
            f"{shown(REPOSITORY)} is no copy of the repository, because it has no tests/sql: run this in one"
        )
    files = {_sql_file(name): blueprint("segment/segment.sql", new_segment=name)}
    files |= {tests / "segments" / name / CASE / file: blueprint(f"segment/{file}") for file in CASE_FILES}
    write_new(files)
    return list(files)


def new_rules_segment(name: str) -> list[Path]:
    """Write include/segments/<name>.yaml, a segment of rules; return its path.

    Raises:
        LifecycleError: as `new_sql_segment`.
    """
    _require_free(name)
    path = _rules_file(name)
    write_new({path: blueprint("rules.yaml", new_segment=name)})
    return [path]


def _require_free(name: str) -> None:
    require_name(name)
    for path in (_sql_file(name), _rules_file(name)):
        if path.exists():
            raise SegmentError(f"'{name}' is taken by {shown(path)}: choose another name")


def _sql_file(name: str) -> Path:
    return REPOSITORY / "include" / "sql" / "segments" / f"{name}.sql"


def _rules_file(name: str) -> Path:
    return REPOSITORY / "include" / "segments" / f"{name}.yaml"
