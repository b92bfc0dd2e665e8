"""Which scripts this machine has letters for: what a browser would otherwise show as boxes in mails and pages."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import partial

# Debian's names. Together they are 3 MB to load; the usual fonts for Han alone are 57 MB.
PACKAGES = ("fonts-dejavu-core", "fonts-tlwg-loma-otf", "fonts-wqy-microhei")
INSTALL_SECONDS = 120
LANGUAGES = {"Latin": "en", "Thai": "th", "Hebrew": "he", "Arabic": "ar", "Han": "zh-tw"}
"""A language of each script, as fontconfig asks for it."""


def line_about_fonts() -> str | None:
    """Return one line if letters of some script are missing, or None. Without fontconfig no one can tell."""
    program = shutil.which("fc-list")
    if program is None:
        return None
    missing = [script for script, language in LANGUAGES.items() if not _has_font(program, language)]
    if not missing:
        return None
    advice = f"as root: apt-get install {' '.join(PACKAGES)}"
    return f"No font here has letters of {', '.join(missing)}: a browser on this machine shows boxes; {advice}"


def install_fonts() -> None:
    """Install the fonts if some script has none, and only as root on a system with apt-get. A failure changes nothing:
    `line_about_fonts` still says what is missing."""
    installer = shutil.which("apt-get")
    if installer is None or os.geteuid() != 0 or line_about_fonts() is None:
        return
    quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
            subprocess.run([installer, *command], env=quietly, capture_output=True, timeout=INSTALL_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return


def _has_font(program: str, language: str) -> bool:
    """Tell whether fontconfig knows a font for the language; if it cannot be asked, yes."""
    ask = partial(subprocess.run, capture_output=True, text=True, timeout=30, check=True)
    try:
        return bool(ask([program, f":lang={language}", "family"]).stdout.strip())
    except (OSError, subprocess.SubprocessError):
        return True
