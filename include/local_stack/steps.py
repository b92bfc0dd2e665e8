"""Progress of a long command: one line per step with the time since the beginning, and one line if a step fails."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape

AGAIN = "Run `make demo` again: it goes on from here."


class StepFailed(Exception):
    """A step could not be done; the message is one line: the step, what happened, the log, what to do."""


class Steps:
    """Prints steps on `console`. Time counts from LIFECYCLE_STARTED_AT, which make sets, or else from now."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = float(os.environ.get("LIFECYCLE_STARTED_AT") or time.time())

    @contextmanager
    def step(self, name: str, log: Path, advice: str = AGAIN) -> Iterator[None]:
        """Announce the step `name` and run the block.

        `log` is the file or folder to look at, `advice` what to do when it fails.

        Raises:
            StepFailed: the block raised; the original error is its cause.
        """
        self._console.print(f"[dim]\\[{self.elapsed()}][/dim] {escape(name)}", highlight=False)
        try:
            yield
        except StepFailed:
            raise
        except Exception as error:
            raise StepFailed(f"stopped at '{name}': {first_line(error)}. Log: {log}. {advice}") from error

    def note(self, text: str) -> None:
        """Print one line of result below the step."""
        self._console.print(f"        [cyan]{escape(text)}[/cyan]", highlight=False)

    def elapsed(self) -> str:
        """Return minutes and seconds since the beginning, for example ``2:05``."""
        seconds = int(max(0.0, time.time() - self._began))
        return f"{seconds // 60:2d}:{seconds % 60:02d}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message without its full stop, or its class if it has no message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
