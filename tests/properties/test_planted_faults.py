"""Each property catches the faults that are planted for it: a test that cannot fail would prove nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
PATCHES = sorted(HERE.glob("*/planted/*.patch"))
AT_LEAST = 3


def _name(patch: Path) -> str:
    return f"{patch.parents[1].name}/{patch.stem}"


def _apply(patch: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["git", "apply", *options, str(patch)]
    # A folder that is no work tree of its own takes a patch as it is, whatever repository lies above it.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("folder", sorted({*HERE.glob("*/test_*.py")}), ids=lambda file: file.parent.name)
def test_each_property_has_its_faults(folder: Path) -> None:
    """Three at least, next to the property."""
    assert len([patch for patch in PATCHES if patch.parents[1] == folder.parent]) >= AT_LEAST


@pytest.mark.parametrize("patch", PATCHES, ids=_name)
def test_each_fault_can_still_be_planted(patch: Path) -> None:
    """The product has not moved away under the patch."""
    result = _apply(patch, REPOSITORY, "--check")
    assert result.returncode == 0, result.stderr


def _copy(folder: Path) -> None:
    """Copy what git knows of the repository, as it lies there now."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("patch", PATCHES, ids=_name)
def test_the_property_catches_the_fault(patch: Path, tmp_path: Path) -> None:
    """With the fault planted, the short form of its property fails by an assertion of its own."""
    copy = tmp_path / "repository"
    _copy(copy)
    assert _apply(patch, copy).returncode == 0
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "GIT_"))}
    environment.pop("PYTHONPATH", None)
    environment["PLANTED_FAULT"] = "1"
    tests = f"tests/properties/{patch.parents[1].name}"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-m",
        "not long and not faults",
        tests,
    ]
    result = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1, f"{_name(patch)} was not caught:\n{result.stdout[-3000:]}{result.stderr[-2000:]}"
    assert "AssertionError" in result.stdout or "\nE   assert" in result.stdout, result.stdout[-3000:]
