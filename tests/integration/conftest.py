"""Fixtures of the integration tests: a provider for a whole file, and the world of mailboxes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from mailbox_world import World
from running_services import Service, running_simulator


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One simulator for the module; tests that count its mails empty it."""
    with running_simulator(tmp_path_factory.mktemp("simulator") / "record") as service:
        yield service


@pytest.fixture
def world(warehouse: Engine, tmp_path: Path, simulator: Service) -> World:
    """People with mailboxes, their feeds, and what is claimed for them."""
    return World(warehouse, tmp_path, simulator)
