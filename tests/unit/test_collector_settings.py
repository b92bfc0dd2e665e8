"""Settings that cannot work are refused at start with one readable line."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from event_collector.__main__ import cli
from event_collector.links import read_token
from event_collector.settings import INSECURE, CollectorError, CollectorSettings
from lifecycle_mail.messages.links import make_token
from lifecycle_mail.settings import Settings

PEM = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


def test_defaults_and_secrets(tmp_path: Path) -> None:
    """Folder and key suffice; the secret never shows in a repr."""
    env = {"LIFECYCLE_EVENTS_DIR": str(tmp_path), "SENDGRID_WEBHOOK_PUBLIC_KEY": PEM, "LIFECYCLE_LINK_SECRET": "hush"}
    settings = CollectorSettings.from_environment(env)
    assert settings.tolerance_seconds == 26 * 3600
    assert len(settings.public_keys) == 1
    assert "hush" not in repr(settings)
    assert (settings.header_seconds, settings.body_seconds) == (10, 15)
    assert (settings.max_connections, settings.max_held_bytes) == (500, 64_000_000)
    assert list(tmp_path.iterdir()) == [], "the check of the folder leaves nothing behind"


def test_blanks_around_a_value_are_no_part_of_it(tmp_path: Path) -> None:
    """A number of blanks is none, so its default holds."""
    settings = CollectorSettings.from_environment({
        "LIFECYCLE_EVENTS_DIR": f" {tmp_path} ", "SENDGRID_WEBHOOK_PUBLIC_KEY": f"\n{PEM}\n",
        "LIFECYCLE_MODE": " live ", "LIFECYCLE_LINK_SECRET": " own ", "LIFECYCLE_COLLECTOR_TOLERANCE_HOURS": " 2 ",
        "LIFECYCLE_COLLECTOR_MAX_BODY_BYTES": "  ",
    })  # fmt: skip
    assert (settings.events_dir, settings.tolerance_seconds) == (tmp_path, 2 * 3600)
    assert settings.max_body_bytes == 2_000_000


@pytest.mark.parametrize("secret", [None, "", "  "])
def test_without_a_secret_the_links_of_development_are_read(tmp_path: Path, secret: str | None) -> None:
    """Library and collector have the same secret if none is set: a link that one signs is read by the other."""
    given = {} if secret is None else {"LIFECYCLE_LINK_SECRET": secret}
    env = {"LIFECYCLE_EVENTS_DIR": str(tmp_path), "SENDGRID_WEBHOOK_PUBLIC_KEY": PEM, **given}
    signing = Settings.from_environment({"LIFECYCLE_DATABASE_URL": "postgresql://", **given}).link_secret
    token = make_token(signing, "m-1", "reminders")
    assert read_token(CollectorSettings.from_environment(env).link_secret, token) == ("m-1", "reminders")


@pytest.mark.parametrize("secret", ["", "  ", "development-link-secret"])
def test_live_refuses_the_secret_of_development(tmp_path: Path, secret: str) -> None:
    """Anyone can make links with it, so a collector whose mode is live does not start with it."""
    env = {"LIFECYCLE_EVENTS_DIR": str(tmp_path), "SENDGRID_WEBHOOK_PUBLIC_KEY": PEM, "LIFECYCLE_MODE": "live"}
    with pytest.raises(CollectorError, match="mode live needs LIFECYCLE_LINK_SECRET"):
        CollectorSettings.from_environment({**env, "LIFECYCLE_LINK_SECRET": secret})
    assert CollectorSettings.from_environment({**env, "LIFECYCLE_LINK_SECRET": " own "}).link_secret == "own"


def test_the_key_may_lie_in_a_file(tmp_path: Path) -> None:
    """A file holds the key as well as a variable does."""
    (tmp_path / "key.pem").write_text(PEM)
    env = {"LIFECYCLE_EVENTS_DIR": str(tmp_path), "SENDGRID_WEBHOOK_PUBLIC_KEY_FILE": str(tmp_path / "key.pem")}
    assert CollectorSettings.from_environment(env).public_keys


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"LIFECYCLE_EVENTS_DIR": ""}, "LIFECYCLE_EVENTS_DIR is not set"),
        ({"LIFECYCLE_EVENTS_DIR": "/nowhere/at/all"}, "/nowhere/at/all does not exist"),
        ({"LIFECYCLE_EVENTS_DIR": "/proc"}, "cannot write to the events folder /proc"),
        ({"SENDGRID_WEBHOOK_PUBLIC_KEY": ""}, "no webhook key"),
        ({"SENDGRID_WEBHOOK_PUBLIC_KEY": "garbage"}, "cannot use SENDGRID_WEBHOOK_PUBLIC_KEY"),
        (
            {"SENDGRID_WEBHOOK_PUBLIC_KEY": "", "SENDGRID_WEBHOOK_PUBLIC_KEY_FILE": "/nowhere/key"},
            "cannot read SENDGRID_WEBHOOK_PUBLIC_KEY_FILE /nowhere/key",
        ),
        ({"LIFECYCLE_LINK_SECRET": "'hush'"}, "LIFECYCLE_LINK_SECRET stands in quotes"),
        ({"LIFECYCLE_COLLECTOR_TOLERANCE_HOURS": "a day"}, "LIFECYCLE_COLLECTOR_TOLERANCE_HOURS must be a number"),
        ({"LIFECYCLE_COLLECTOR_MAX_BODY_BYTES": "0"}, "LIFECYCLE_COLLECTOR_MAX_BODY_BYTES must be above 0"),
        ({"LIFECYCLE_COLLECTOR_HEADER_SECONDS": "soon"}, "LIFECYCLE_COLLECTOR_HEADER_SECONDS must be a number"),
        ({"LIFECYCLE_COLLECTOR_BODY_SECONDS": "-1"}, "LIFECYCLE_COLLECTOR_BODY_SECONDS must be above 0"),
        ({"LIFECYCLE_COLLECTOR_MAX_BODY_BYTES": "0.5"}, "LIFECYCLE_COLLECTOR_MAX_BODY_BYTES must be at least 1"),
        ({"LIFECYCLE_EVENTS_DIR": "'/tmp'"}, "LIFECYCLE_EVENTS_DIR stands in quotes"),
        ({"LIFECYCLE_MODE": "LIVE"}, "LIFECYCLE_MODE is 'LIVE': choose one of preview, simulate, live"),
        ({"LIFECYCLE_MODE": "'live'", "LIFECYCLE_LINK_SECRET": ""}, "choose one of preview, simulate, live"),
        ({"LIFECYCLE_COLLECTOR_MAX_CONNECTIONS": "0.5"}, "LIFECYCLE_COLLECTOR_MAX_CONNECTIONS must be at least 1"),
        ({"LIFECYCLE_COLLECTOR_MAX_HELD_BYTES": "3999999"},
         "LIFECYCLE_COLLECTOR_MAX_HELD_BYTES must be at least two times"),
    ],
)
def test_what_cannot_work_is_one_line_and_exit_1(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    """Each wrong setting is named with what to do, in one line; nothing starts."""
    env = {
        "LIFECYCLE_EVENTS_DIR": str(tmp_path), "SENDGRID_WEBHOOK_PUBLIC_KEY": PEM,
        "SENDGRID_WEBHOOK_PUBLIC_KEY_FILE": "", INSECURE: None, **changes,
    }  # fmt: skip
    done = CliRunner().invoke(cli, [], env=env)
    assert done.exit_code == 1
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_signatures_are_not_switched_off_by_the_environment_alone(tmp_path: Path) -> None:
    """Only the option on the command line takes unsigned posts."""
    env = {"LIFECYCLE_EVENTS_DIR": str(tmp_path), "SENDGRID_WEBHOOK_PUBLIC_KEY": "", INSECURE: "1"}
    done = CliRunner().invoke(cli, [], env={**env, "SENDGRID_WEBHOOK_PUBLIC_KEY_FILE": ""})
    assert (done.exit_code, "no webhook key" in done.stderr) == (1, True)
    assert os.environ.get(INSECURE) is None
