"""The folder of one local stack: what it remembers between runs, and the settings it hands out.

`state.json` holds ports and secrets made once; `environment` is the same as shell exports, for a person.
Both are readable by their owner alone.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_stack.processes import INCLUDE, Service, free_port

PREFERRED_PORTS = {"airflow": 8080, "simulator": 8085, "collector": 8086, "pages": 8088}


class Home:
    """One folder that belongs to one stack; made when it is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.feeds = self.folder / "feeds"
        self.events = self.folder / "events"
        self.logs = self.folder / "logs"
        for part in (self.feeds, self.events, self.logs):
            part.mkdir(exist_ok=True)

    def service(self, name: str) -> Service:
        """Return the service called `name`, running or not."""
        return Service(self.folder, name)

    def port(self, name: str, *services: str) -> int:
        """Return the port of `name`: the remembered one if one of its services runs or the port is free.

        A new choice is remembered.
        """
        state = self.state()
        remembered = state.setdefault("ports", {}).get(name)
        if remembered and any(self.service(one).process() for one in services):
            return int(remembered)
        chosen = free_port(remembered or PREFERRED_PORTS[name])
        if chosen != remembered:
            state["ports"][name] = chosen
            self._write_state(state)
        return chosen

    def secret(self, name: str, prefix: str = "") -> str:
        """Return the secret called `name`, made on the first call and kept."""
        state = self.state()
        known = state.setdefault("secrets", {})
        if name not in known:
            known[name] = prefix + secrets.token_urlsafe(24)
            self._write_state(state)
        return str(known[name])

    def state(self) -> dict[str, Any]:
        """Return what this home remembers; empty for a new one."""
        file = self.folder / "state.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def write_environment(self, settings: Mapping[str, str]) -> Path:
        """Write `settings` as shell exports, so that `. <file>` points the command line at this stack."""
        exports = {**settings, "PYTHONPATH": str(INCLUDE)}
        file = self.folder / "environment"
        write_private(file, "".join(f"export {name}={shlex.quote(text)}\n" for name, text in exports.items()))
        return file

    def _write_state(self, state: Mapping[str, Any]) -> None:
        write_private(self.folder / "state.json", json.dumps(state, indent=2) + "\n")


def write_private(file: Path, text: str) -> None:
    """Replace `file` by `text` in one step, readable by its owner alone."""
    beside = file.with_name(f".{file.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    beside.replace(file)
