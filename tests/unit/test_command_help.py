"""The help of the command line: a new user finds out what each command, argument and option is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from commands import Command
from lifecycle_mail.command_line import app

WIDTH = 100


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every group and command with the words that call it."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))


ALL = list(commands(typer.main.get_command(app)))
every_command = pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) or "all" for path, _ in ALL])


@every_command
def test_everything_is_explained(path: tuple[str, ...], command: Any) -> None:
    """Every command, argument and option says what it is for, as a sentence; an argument is called by what it is."""
    assert command.help.strip()
    for parameter in command.params:
        said = getattr(parameter, "help", None)
        assert said, parameter.name
        assert said[0].isupper() or said.startswith("key="), said
        assert said.endswith((".", "…")), said


@every_command
def test_a_list_of_commands_is_not_cut_off(
    path: tuple[str, ...], command: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line of a group's list is a whole sentence on a terminal of 100 columns."""
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    status, out, _ = Command(monkeypatch, capsys)(*path, "--help")
    assert status == 0
    lines = out.splitlines()
    assert [line for line in lines if line.endswith("...") and not line.startswith("Usage: ")] == []
    assert max(map(len, lines)) <= WIDTH


def test_every_moment_to_work_for_is_now_by_default() -> None:
    """--as-of is never required, and each says so in the same words."""
    found = {
        " ".join(path): (parameter.required, parameter.help)
        for path, command in ALL
        for parameter in command.params
        if "--as-of" in parameter.opts
    }
    says = (False, "The moment to work for, ISO 8601 with offset, not in the future. Default: now.")
    assert set(found.values()) == {says}
    assert {"segment size", "segment members", "segment preview", "campaign plan", "why"} <= set(found)
