"""What a person may have put into a YAML file: read, or refused with file, line and remedy, and never anything else."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from lifecycle_mail.campaigns import read_brand, read_campaign, read_campaigns, read_document, read_topics
from lifecycle_mail.campaigns.documents import DEEPEST, LARGEST_BYTES, MOST_VALUES
from lifecycle_mail.errors import CampaignError, TemplateError
from lifecycle_mail.messages.wording import Wording
from lifecycle_mail.settings import INCLUDE

TOPICS = read_topics(INCLUDE / "topics.yaml")
CART = (INCLUDE / "campaigns" / "cart_abandoned.yaml").read_text(encoding="utf-8")
LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\ncampaign: *c\n"
LEVELS = "lists and mappings are nested more than 20 levels deep: remove some levels"
ALIAS = "aliases and anchors (&, *) are not used here: write the value out"
KEY = "the key is a list or mapping, but must be plain text: put {…} in quotes"


def refusal(folder: Path, content: str | bytes, name: str = "x") -> str:
    path = folder / f"{name}.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CampaignError) as caught:
        read_campaign(path, TOPICS)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("campaign: &a {x: *a}", f"x.yaml:1: {ALIAS}"),
        ("campaign: x\nowner: *nobody\n", f"x.yaml:2: {ALIAS}"),
        (LAUGHS, f"x.yaml:1: {ALIAS}"),
        ("campaign: x\ngoal: " + "[" * 3000, f"x.yaml:2: {LEVELS}"),
        ("\n".join(" " * level + "a:" for level in range(300)), f"x.yaml:21: {LEVELS}"),
        ("campaign: x\n? [a, b]\n: 1\n", f"x.yaml:2: {KEY}"),
        ("campaign: x\n{a: 1}: 1\n", f"x.yaml:2: {KEY}"),
        ("campaign: x\nsteps:\n  - {a: {b: 1, b: 2}}\n", "x.yaml:3: 'b' is given twice: remove one"),
        ("campaign: x\n<<: {owner: y}\n", "x.yaml:2: '<<' (a merge) is not used here: write the keys out"),
        ("holdout: .nan", "x.yaml:1: 'holdout': .nan is not a number or a date: write one, or put it in quotes"),
        ("a: 1\ngoal: {within_days: -.inf}",
         "x.yaml:2: 'goal.within_days': -.inf is not a number or a date: write one, or put it in quotes"),
        ("until: 2026-13-45",
         "x.yaml:1: 'until': 2026-13-45 is not a number or a date: write one, or put it in quotes"),
        ("priority: " + "9" * 5000,
         f"x.yaml:1: 'priority': {'9' * 60}… is not a number or a date: write one, or put it in quotes"),
        ("campaign: !!python/name:os.system x",
         "x.yaml:1: tags such as tag:yaml.org,2002:python/name:os.system are not used here: write the plain value"),
        ("campaign: !!binary aGVsbG8=",
         "x.yaml:1: tags such as tag:yaml.org,2002:binary are not used here: write the plain value"),
        ("campaign: !!set {a, b}",
         "x.yaml:1: tags such as tag:yaml.org,2002:set are not used here: write the plain value"),
        ("until: !!timestamp 2026-01-01",
         "x.yaml:1: tags such as tag:yaml.org,2002:timestamp are not used here: write the plain value"),
        ("campaign: x\nowner: !mine y",
         "x.yaml:2: tags such as !mine are not used here: write the plain value"),
        ("campaign: x\nowner: \x07\n", "x.yaml:2: a control character stands here: take it out"),
        ('campaign: x\nowner: "\\0"\n', "x.yaml:2: the text has the character U+0000: take it out"),
        ('campaign: x\nowner: "\\uD800"\n', "x.yaml:2: the text has the character U+D800: take it out"),
        ('campaign: x\n"a\\0": 1\n', "x.yaml:2: the text has the character U+0000: take it out"),
        ('owner: "\\UFFFFFFFF"', "x.yaml:1: is not YAML: an escape in quotes is not a character"),
        ("campaign: x\n---\ncampaign: y\n",
         "x.yaml:2: a second document begins here ('---'): keep one document per file"),
        ("", "x.yaml:1: the file is empty: write keys and values, such as `name: value`"),
        ("# only a comment\n", "x.yaml:1: the file is empty: write keys and values, such as `name: value`"),
        ("- a\n", "x.yaml:1: the value here is not a mapping: write keys and values, such as `name: value`"),
        ("a: 1\n" + "# long\n" * LARGEST_BYTES, "x.yaml: is larger than 256 kB: check that it is the right file"),
        ("steps: [" + "1, " * MOST_VALUES + "]",
         "x.yaml:1: the file has more than 10000 values: check that it is the right file"),
        ("campaign: x".encode("utf-16"), "x.yaml: is not UTF-8 text: save it as UTF-8"),
    ],
)  # fmt: skip
def test_what_no_campaign_needs_is_refused_with_its_line(tmp_path: Path, content: str | bytes, told: str) -> None:
    """Aliases, depth, odd keys, tags, endless numbers, control characters: one readable line, in no time."""
    begun = time.monotonic()
    assert told in refusal(tmp_path, content).splitlines()
    assert time.monotonic() - begun < 5


def test_as_deep_as_allowed_is_read(tmp_path: Path) -> None:
    """DEEPEST levels are read, one more is not."""
    path = tmp_path / "x.yaml"
    path.write_text("[" * DEEPEST + "]" * DEEPEST)
    assert str(read_document(path).value) == "[" * DEEPEST + "]" * DEEPEST
    path.write_text("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))
    with pytest.raises(CampaignError, match="20 levels"):
        read_document(path)


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    """Some editors begin a file with one; it changes nothing."""
    path = tmp_path / "cart_abandoned.yaml"
    path.write_text(CART, encoding="utf-8")
    plain = read_campaign(path, TOPICS)
    path.write_text(CART, encoding="utf-8-sig")
    assert read_campaign(path, TOPICS) == plain


def test_keys_are_text_as_written(tmp_path: Path) -> None:
    """YAML 1.1 reads `on`, `no` and `1` as true, false and a number; as keys they are words."""
    path = tmp_path / "x.yaml"
    path.write_text("on: 1\nno: 2\n1: [yes, 'yes', 1.5, 2026-11-30, null, =]\n")
    told = "{'on': 1, 'no': 2, '1': [True, 'yes', 1.5, datetime.date(2026, 11, 30), None, '=']}"
    assert str(read_document(path).value) == told


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "loop"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    """A folder, a pipe (never waited for), a dangling link and a link to itself are refused even if they are called
    .yaml."""
    path = tmp_path / "x.yaml"
    make = {
        "folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "link": lambda: path.symlink_to(tmp_path / "gone"),
        "loop": lambda: path.symlink_to(path),
    }  # fmt: skip
    make[kind]()
    told = {
        "folder": "x.yaml: cannot be read: it is a folder: put the YAML file itself here",
        "pipe": "x.yaml: is not a file: put the YAML file itself here",
        "link": "x.yaml: cannot be read: it is a link that leads nowhere: put the file back, or remove the link",
        "loop": "x.yaml: cannot be read: check the file and its permissions",
    }
    campaigns, errors = read_campaigns(tmp_path, TOPICS)
    assert (campaigns, [str(error) for error in errors]) == ([], [told[kind]])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_rights_is_refused(tmp_path: Path) -> None:
    """Wrong rights cost one campaign."""
    (tmp_path / "x.yaml").write_text(CART)
    (tmp_path / "x.yaml").chmod(0)
    _, errors = read_campaigns(tmp_path, TOPICS)
    assert [str(error) for error in errors] == ["x.yaml: cannot be read: check the file and its permissions"]


@pytest.mark.parametrize("schedule", ["61 * * * *", "0 0 30 2 *", "a b c d e"])
def test_a_schedule_that_means_no_moment_is_refused(tmp_path: Path, schedule: str) -> None:
    """Airflow would find the fault only when it serializes the DAG, and would stop every campaign with it."""
    told = refusal(tmp_path, CART.replace("0 * * * *", schedule), "cart_abandoned")
    assert told == (
        "cart_abandoned.yaml:4: 'schedule': no moment matches this: write five cron fields, such as "
        '"0 * * * *"'
    )


@pytest.mark.parametrize("content", ["campaign: &a {x: *a}", "[" * 3000, "? [a]\n: 1", "", "x: .nan", "a\x07"])
def test_topics_brand_and_words_are_read_with_the_same_bounds(tmp_path: Path, content: str) -> None:
    """One reader for all: each file is refused by its own name."""
    path = tmp_path / "translations" / "en.yaml"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(CampaignError, match=r"^en\.yaml:1: "):
        read_topics(path)
    with pytest.raises(CampaignError, match=r"^en\.yaml:1: "):
        read_brand(path, postal_address="1 Example Street")
    with pytest.raises(TemplateError, match=r"en\.yaml"):
        Wording(tmp_path, "en")


def test_a_wrong_brand_is_refused_with_its_line(tmp_path: Path) -> None:
    """A fault in the brand's file is reported like a campaign's: with its line and the nearest right word."""
    path = tmp_path / "brand.yaml"
    path.write_text((INCLUDE / "brand.yaml").read_text().replace("tagline:", "tag_line:"))
    with pytest.raises(CampaignError) as caught:
        read_brand(path, postal_address="1 Example Street")
    assert str(caught.value) == "brand.yaml:4: unknown key 'tag_line': did you mean 'tagline'?"


WORDS = (
    *"[]{}:,-?&*!|>'\"#%@`\n\t ~=<.0123456789", "\n  ", "\n- ", ": ", "- ", "? ", "<<: ", "&a ", "*a", "!!set ", "!x ",
    "---\n", "...\n", "0x", "0b1", "1e400", ".inf", ".nan", "-.inf", "2026-02-30", "0001-01-01 00:00:00+23:59",
    "190:20:30", "yes", "null", '"\\UFFFFFFFF"', '"\\x00"', "\x00", "\ufeff", "\x85", "\U0001f600", "%YAML 9.9\n---\n",
    "%TAG ! x\n", "9" * 50, "9" * 5000, "x" * 300, "__class__", "model_config", "campaign", "steps", "segment", "topic",
    "goal", "variants", "holdout", "schedule", "send_window", "offer", "after_hours", "exit_on", "name", "from", "to",
)  # fmt: skip


def _random_file(chance: random.Random) -> bytes:
    """A shipped campaign with something done to it, words of YAML in any order, or bytes."""
    kind = chance.randrange(4)
    if kind == 0:
        return chance.randbytes(chance.randrange(200))
    if kind == 1:
        return "".join(chance.choices(WORDS, k=chance.randrange(60))).encode()
    text = CART
    for _ in range(chance.randrange(1, 4)):
        begin = chance.randrange(len(text))
        end = min(len(text), begin + chance.choice((0, 1, 5, 40)))
        text = text[:begin] + "".join(chance.choices(WORDS, k=chance.randrange(4))) + text[end:]
    if kind == 2:
        lines = text.splitlines()
        chance.shuffle(lines)
        text = "\n".join(lines)
    return text.encode()


def test_whatever_stands_in_a_file_it_is_read_or_refused(tmp_path: Path) -> None:
    """2,000 files of odd text: a campaign, or a CampaignError that names the file; nothing else, and quickly."""
    path, read = tmp_path / "cart_abandoned.yaml", 0
    chance = random.Random(20261130)
    for _ in range(2_000):
        content = _random_file(chance)
        path.write_bytes(content)
        try:
            read_campaign(path, TOPICS).definition_md5()
            read += 1
        except CampaignError as error:
            told = str(error).split("\n")
            if not all(line.startswith("cart_abandoned.yaml") for line in told):
                raise AssertionError(f"{told} from {content!r}") from error
        except Exception as error:
            raise AssertionError(f"{type(error).__name__} from {content!r}") from error
    assert read > 20
