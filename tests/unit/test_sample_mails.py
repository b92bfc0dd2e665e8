"""`message preview --sample`: a mail to look at, on a laptop without a warehouse."""

from __future__ import annotations

import stat
import sys
import tempfile
import webbrowser
from pathlib import Path

import pytest

from commands import Command

INCENTIVE = ("message", "preview", "cart_abandoned", "incentive", "--sample")
MADE_UP = "facts made up (cart_abandoned/incentive/sample.json): no warehouse is set (LIFECYCLE_DATABASE_URL)\n"


@pytest.fixture
def laptop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command line without a warehouse; temporary files lie in tmp_path/tmp."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.delenv("LIFECYCLE_DATABASE_URL", raising=False)
    return Command(monkeypatch, capsys)


def test_a_sample_needs_no_warehouse_and_says_that_it_is_made_up(laptop: Command) -> None:
    """The mail is on stdout alone, in the brand of this installation; stderr says whose facts it tells."""
    status, out, err = laptop(*INCENTIVE)
    assert (status, err) == (0, MADE_UP)
    assert out.startswith("Subject: For the basket you left: 10% off\n\n")
    assert "Hello Ada," in out
    assert "Corner Market, 1 Example Street" in out


def test_a_variant_is_shown_with_its_own_offer(laptop: Command) -> None:
    """Each variant is shown by name; another name is refused with those that there are."""
    assert laptop(*INCENTIVE, "--variant", "with_offer")[1] == laptop(*INCENTIVE)[1]
    assert laptop(*INCENTIVE, "--variant", "without_offer")[1].startswith("Subject: Shall we keep your basket?\n")
    assert laptop(*INCENTIVE, "--variant", "with") == (
        1, "", "step incentive of campaign cart_abandoned has no variant 'with': it has with_offer, without_offer\n"
    )  # fmt: skip
    assert laptop("message", "preview", "win_back", "miss_you", "--sample", "--variant", "b") == (
        1, "", "step miss_you of campaign win_back has no variant 'b': it has none, so leave --variant out\n"
    )  # fmt: skip


def test_a_locale_chooses_the_language_as_it_does_for_recipients(
    laptop: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader of de-AT gets the words of de; if there are none, the brand's language, and a word about it."""
    assert "no words for 'de-AT' (there are en): the mail is in the brand's language" in laptop(
        *INCENTIVE, "--locale", "de-AT"
    )[2]
    templates = tmp_path / "templates"
    shipped = Path(__file__).resolve().parents[2] / "include" / "templates"
    templates.mkdir()
    for folder in ("base", "cart_abandoned"):
        (templates / folder).symlink_to(shipped / folder)
    words = (shipped / "translations/en.yaml").read_text(encoding="utf-8")
    (templates / "translations").mkdir()
    (templates / "translations/en.yaml").write_text(words, encoding="utf-8")
    german = words.replace('named: "Hello {name},"', 'named: "Hallo {name},"')
    (templates / "translations/de.yaml").write_text(german, encoding="utf-8")
    laptop.with_settings(LIFECYCLE_TEMPLATES_DIR=str(templates))
    _, out, err = laptop(*INCENTIVE, "--locale", "de-AT")
    assert ("Hallo Ada," in out, "no words" in err) == (True, False)
    assert "4,98" in out  # as readers of German write a number


@pytest.mark.parametrize("whose", [(), ("--customer", "ann", "--sample")])
def test_whose_mail_must_be_said_once(laptop: Command, whose: tuple[str, ...]) -> None:
    """Neither or both of --customer and --sample is wrong usage."""
    assert laptop("message", "preview", "cart_abandoned", "reminder", *whose)[0] == 2


def test_html_is_written_where_it_is_asked_for(laptop: Command, tmp_path: Path) -> None:
    """The file is the user's own, ends with the word that its facts are made up, and its path is printed; `-` is stdout
    and the mail alone."""
    path = tmp_path / "mail.html"
    status, out, err = laptop(*INCENTIVE, "--html", str(path))
    assert (status, out, err) == (0, f"{path}\n", MADE_UP)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = path.read_text(encoding="utf-8")
    assert written.endswith(f"<!-- {MADE_UP.strip()} -->\n")
    assert written.startswith(laptop(*INCENTIVE, "--html", "-")[1])
    status, out, err = laptop(*INCENTIVE, "--html", str(tmp_path / "none" / "mail.html"))
    assert (status, out) == (1, "")
    assert "/none/mail.html cannot be written (No such file or directory): name another file with --html\n" in err


def test_open_shows_a_private_file_in_the_browser(
    laptop: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's browser gets a file that no other user can read. Without a browser the path is what is left."""
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(f'#!{sys.executable}\nimport sys\nopen({str(seen)!r}, "w").write(sys.argv[1])\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})
    status, out, _ = laptop(*INCENTIVE, "--open")
    path = Path(out.strip())
    assert (status, path.parent) == (0, tmp_path / "tmp")
    assert seen.read_text() == path.as_uri()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})
    status, out, _ = laptop(*INCENTIVE, "--open")
    assert status == 0
    assert out.endswith(".html: no browser was found, so open this file yourself\n")
    assert Path(out.partition(": no")[0]).is_file()
