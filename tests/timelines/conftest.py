"""One provider for all timelines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from running_services import Service, running_simulator


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A simulator that takes every mail and reports nothing: what happens to mails is told in the worlds."""
    with running_simulator(tmp_path_factory.mktemp("simulator") / "record") as service:
        yield service
