"""Each campaign's golden timeline: a made-up world walked through time, and the whole ledger as a table by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from lifecycle_mail.settings import INCLUDE
from running_services import Service
from timeline_ledger import difference, ledger, told
from timeline_world import read_world, walk

FOLDER = Path(__file__).parent
TIMELINES = sorted(file.parent for file in FOLDER.glob("*/timeline.md"))
# Campaigns without a timeline. This list may only shrink.
LACKING: set[str] = set()


@pytest.mark.parametrize("folder", TIMELINES, ids=lambda folder: folder.name)
def test_what_happens_is_what_the_timeline_tells(
    folder: Path, warehouse: Engine, simulator: Service, tmp_path: Path
) -> None:
    """Walked through its world, the campaign does what its table says, and nothing else."""
    world = read_world(folder)
    walk(world, warehouse, simulator, tmp_path)
    with warehouse.connect() as connection:
        found = ledger(connection, world.campaigns)
    differs = difference(told(folder / "timeline.md"), found)
    assert not differs, f"{folder.name}: - is told and did not happen, + happened and is not told\n{differs}"


def test_every_campaign_has_a_timeline() -> None:
    """A campaign file has a folder of its name here, unless it is one of the few that lack it."""
    campaigns = {file.stem for file in (INCLUDE / "campaigns").glob("*.yaml")}
    with_timeline = {folder.name for folder in TIMELINES}
    assert campaigns - with_timeline == LACKING
    assert with_timeline <= campaigns
