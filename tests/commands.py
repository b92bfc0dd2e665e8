"""The command line in the process of the test: what it prints and how it ends, without the start of a process."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import dataclass

import pytest

from lifecycle_mail.command_line import commands, main, segment_requests

UNSET = ("LIFECYCLE_MODE", "SENDGRID_API_KEY", "SENDGRID_BASE_URL", "LIFECYCLE_EVENTS_DIR", "LIFECYCLE_DEFAULT_ZONE")


@dataclass
class Command:
    """Called with the arguments of a command, runs it and returns status, stdout and stderr."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self.monkeypatch.setattr(sys, "argv", ["lifecycle_mail", *arguments])
        status = 0
        try:
            main()
        except SystemExit as done:
            status = int(done.code or 0)
        printed = self.capsys.readouterr()
        return status, printed.out, printed.err

    def with_settings(self, **values: str) -> Command:
        """Let the commands find these environment variables, besides the database address."""
        for name, value in values.items():
            self.monkeypatch.setenv(name, value)
        return self

    def at(self, moment: dt.datetime) -> Command:
        """Let the clock stand at `moment` (aware)."""
        for module in (commands, segment_requests):
            self.monkeypatch.setattr(module, "present", lambda: moment)
        return self


def command_on(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a command line with nothing but a database address."""
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    return Command(monkeypatch, capsys).with_settings(LIFECYCLE_DATABASE_URL=database_url)
