"""Whether this machine has letters for every script: the demo says what a browser would show as boxes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from local_stack import fonts

REPOSITORY = Path(__file__).resolve().parents[2]


def knows(folder: Path, monkeypatch: pytest.MonkeyPatch, *languages: str) -> None:
    """Put a fontconfig that knows fonts for these languages, and an apt-get that notes its calls, on the path."""
    lines = "".join(f'    :lang={language}) echo "Some Font" ;;\n' for language in languages)
    for name, body in (("fc-list", f'case "$1" in\n{lines}esac'), ("apt-get", f'echo "$*" >>{folder}/installed')):
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_what_is_missing_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the scripts and the packages. If nothing is missing, there is no line."""
    knows(tmp_path, monkeypatch, "en", "he", "ar")
    assert fonts.line_about_fonts() == (
        "No font here has letters of Thai, Han: a browser on this machine shows boxes; as root: apt-get install "
        "fonts-dejavu-core fonts-tlwg-loma-otf fonts-wqy-microhei"
    )
    knows(tmp_path, monkeypatch, "en", "th", "he", "ar", "zh-tw")
    assert fonts.line_about_fonts() is None


def test_without_fontconfig_there_is_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without it may have fonts all the same."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fonts.line_about_fonts() is None


@pytest.mark.parametrize("user", [0, 1000])
def test_only_root_installs_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    """Any other user reads the line instead, and a machine with letters for every script is left alone."""
    monkeypatch.setattr(fonts.os, "geteuid", lambda: user)
    knows(tmp_path, monkeypatch, "en", "th", "he", "ar", "zh-tw")
    fonts.install_fonts()
    assert not (tmp_path / "installed").exists()
    knows(tmp_path, monkeypatch, "en")
    fonts.install_fonts()
    called = (tmp_path / "installed").read_text().splitlines() if (tmp_path / "installed").exists() else []
    packages = " ".join(fonts.PACKAGES)
    assert called == (["update -qq", f"install -y -qq --no-install-recommends {packages}"] if user == 0 else [])


def test_continuous_integration_installs_the_same_fonts() -> None:
    """The list of .ci/run is the list of the demo."""
    assert f"for font in {' '.join(fonts.PACKAGES)}; do" in (REPOSITORY / ".ci/run").read_text()
