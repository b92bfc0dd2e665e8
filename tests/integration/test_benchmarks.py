"""Every benchmark runs from end to end: the short form of `make bench`, at a size at which nothing is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from running_services import clean_environment
from suite_budget import with_long

BENCH = Path(__file__).resolve().parents[2] / "bench"
FIGURES = {
    "delivery": {
        "delivery_mails_a_second", "delivery_mails_a_second_troubled", "delivery_mails_a_second_30ms",
        "whole_campaign_seconds", "worker_memory_mb", "worker_memory_growth", "scaling_2_workers", "scaling_4_workers",
    },
    "planning": {"planning_1m_seconds"},
    "segments": {"segments_hour_seconds", "segments_hour_seconds_sql"},
    "rule_segments": {"rule_segments_hour_seconds"},
    "events": {"events_per_second"},
    "roll_up": {"roll_up_growth", "roll_up_seconds"},
}  # fmt: skip


OWN_SERVER, TESTS_SERVER = "its own server", "the server of the tests"
SHORT = [*((name, TESTS_SERVER) for name in sorted(FIGURES) if name != "planning"), ("planning", OWN_SERVER)]
FULL = [(name, OWN_SERVER) for name in sorted(FIGURES) if name != "planning"]


@pytest.mark.parametrize(("name", "server"), with_long(SHORT, FULL))
def test_a_benchmark_measures_its_figures(name: str, server: str, server_url: str) -> None:
    """It ends well, prints one JSON object, each figure has a value and what bounds it, and there is a peer."""
    shared = {"BENCH_SERVER_URL": server_url} if server == TESTS_SERVER else {}
    done = subprocess.run(
        [sys.executable, str(BENCH / f"{name}.py"), "--scale", "0.002"],
        env=clean_environment(**shared), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.strip().splitlines()[-1])
    assert result["benchmark"] == name
    assert {figure["name"] for figure in result["figures"]} == FIGURES[name]
    assert all(figure["value"] > 0 and figure["bound_by"] for figure in result["figures"])
    assert any(figure["ratio"] for figure in result["figures"])
