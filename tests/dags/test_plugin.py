"""plugins/: Airflow loads the one plugin and leaves the package alone."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import lifecycle_plugin

# Every component of Airflow finds the library by this path, as in the image and in `make demo`.
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "include")}


def test_only_the_plugin_file_is_run_by_airflow() -> None:
    """The scan of plugins/ registers the plugin, and no module of lifecycle_airflow under a bare name."""
    script = (
        "import json, sys\n"
        "from airflow import plugins_manager\n"
        "names = [plugin.name for plugin in plugins_manager._get_plugins()[0]]\n"
        "errors = plugins_manager._get_plugins()[1]\n"
        "print(json.dumps([names, errors, sorted(sys.modules)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=_ENVIRONMENT, capture_output=True, text=True, check=True, timeout=120
    )
    names, errors, modules = json.loads(done.stdout.splitlines()[-1])
    assert "lifecycle_mail" in names
    assert errors == {}
    assert {"retry", "pauses", "delivery", "assets", "installation", "run_window"} & set(modules) == set()


@pytest.mark.parametrize(
    ("mode", "base_url", "links"),
    [
        ("simulate", "http://localhost:8085/", ["http://localhost:8085/"]),
        ("simulate", "", []),
        ("preview", "http://localhost:8085", []),
        ("live", "https://api.sendgrid.com", []),
    ],
)
def test_the_outbox_is_linked_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, mode: str, base_url: str, links: list[str]
) -> None:
    """Airflow's navigation shows the simulator's outbox in mode simulate and nothing otherwise."""
    monkeypatch.setenv("LIFECYCLE_MODE", mode)
    monkeypatch.setenv("SENDGRID_BASE_URL", base_url)
    assert [view["href"] for view in importlib.reload(lifecycle_plugin).LifecyclePlugin.external_views] == links
