"""`campaign new`: a campaign that passes its check and can be looked at, to be changed. Alone, or like another one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifecycle_mail.campaigns import (
    Campaign,
    find_campaign,
    former_names,
    parse_document,
    read_document,
    read_topics,
    template_places,
)
from lifecycle_mail.command_line.campaign_checks import check_campaigns
from lifecycle_mail.command_line.new_files import blueprint, require_name, shown, write_new
from lifecycle_mail.command_line.yaml_text import YamlText
from lifecycle_mail.errors import CampaignError
from lifecycle_mail.messages.texts import StoredTexts, texts_in
from lifecycle_mail.messages.wording import Wording, languages, wording_file
from lifecycle_mail.segments import definition, list_segments
from lifecycle_mail.settings import Settings

PARTS = ("subject.txt", "preheader.txt", "body.mjml", "body.txt", "sample.json")
_JINJA = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
Words = Mapping[str, Any]


@dataclass(frozen=True)
class NewCampaign:
    """What was written: the campaign file, the folders of its templates, and the translations that got its words.

    `segment` is whom it writes to.
    """

    file: Path
    templates: list[Path]
    translations: list[Path]
    segment: str
    steps: list[str]


def new_campaign(settings: Settings, name: str, like: str | None, segment: str | None) -> NewCampaign:
    """Write a campaign called `name`: a copy of the campaign `like`, else one mail to the members of `segment`.

    The segment is by default the one of the same name, else the first.

    Raises:
        LifecycleError: the name is no plain word or taken, `like` does not pass its check, or a file cannot be written.
    """
    _require_free(settings, name)
    new = _copied(settings, name, like) if like is not None else _minimal(settings, name, segment)
    write_new(new.files, new.translations)
    wrong = check_campaigns(settings, name).problems
    if wrong:
        raise CampaignError("\n".join([*wrong, f"campaign {name} is written, and does not pass its check"]))
    file = settings.campaigns_dir / f"{name}.yaml"
    campaign = find_campaign(settings.campaigns_dir, name)
    folders = sorted({settings.templates_dir / step.template for step in campaign.mails})
    steps = [step.step for step in campaign.mails]
    return NewCampaign(file, folders, list(new.translations), campaign.segment.name, steps)


@dataclass(frozen=True)
class _Planned:
    """New files and new texts of translations, by path."""

    files: dict[Path, str]
    translations: dict[Path, str]


def _require_free(settings: Settings, name: str) -> None:
    require_name(name)
    path = settings.campaigns_dir / f"{name}.yaml"
    if path.exists():
        raise CampaignError(f"there is a campaign '{name}' already ({shown(path)}): choose another name")
    present = former_names(settings.campaigns_dir).get(name)
    if present:
        raise CampaignError(
            f"'{name}' is what the campaign {present} was called before, and a name means one campaign: choose another"
        )


def _minimal(settings: Settings, name: str, segment: str | None) -> _Planned:
    topics = read_topics(settings.topics_file)
    topic = next((one for one in topics.values() if one.is_marketing), next(iter(topics.values())))
    text = blueprint(
        "campaign/campaign.yaml", new_campaign=name, new_segment=_segment(name, segment), new_topic=topic.topic
    )
    if not topic.is_marketing:
        text = text.replace("holdout: 0.05", "holdout: 0")
    folder = settings.templates_dir / name / "first"
    files = {settings.campaigns_dir / f"{name}.yaml": text}
    files |= {folder / part: blueprint(f"campaign/{part}", new_campaign=name) for part in PARTS}
    path = Path("words.yaml")
    words = {f"{name}.first": parse_document(path, blueprint("campaign/words.yaml")).value}
    said = f"Change: the words of {name}, in the language of this file."
    translations = {file: _with_words(settings, language, words, said) for language, file in _catalogues(settings)}
    return _Planned(files, translations)


def _segment(name: str, wanted: str | None) -> str:
    if wanted is not None:
        return definition(wanted).name
    names = [one.name for one in list_segments()]
    if not names:
        raise CampaignError(f"there is no segment yet: write one with `segment new {name}`")
    return name if name in names else names[0]


def _copied(settings: Settings, name: str, like: str) -> _Planned:
    topics = read_topics(settings.topics_file)
    other = find_campaign(settings.campaigns_dir, like, topics)
    if wrong := check_campaigns(settings, like).problems:
        told = f"campaign {like} does not pass its check: mend it before it is copied"
        raise CampaignError("\n".join([*wrong, told]))
    templates = _new_templates(other, name)
    files = {settings.campaigns_dir / f"{name}.yaml": _copied_file(settings, other, name, templates)}
    for old, new in templates.items():
        for path in sorted(one for one in (settings.templates_dir / old).rglob("*") if one.is_file()):
            target = settings.templates_dir / new / path.relative_to(settings.templates_dir / old)
            files[target] = _with_new_names(_text_of(path), templates)
    translations = {}
    for language, file in _catalogues(settings):
        messages = Wording(settings.templates_dir, language).messages
        words = {_home(new): _below(messages, _home(old)) for old, new in templates.items()}
        words = {home: found for home, found in words.items() if found}
        if words:
            translations[file] = _with_words(settings, language, words, f"Change: these are the words of {like}.")
    return _Planned(files, translations)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CampaignError(f"{shown(path)} is not UTF-8 text: take it out of the template's folder") from None


def _new_templates(other: Campaign, name: str) -> dict[str, str]:
    """Return template → its copy, for each template of a campaign: each last part of a name stays, if all differ."""
    used = list(dict.fromkeys(step.template for step in other.mails))
    leaves = [template.rpartition("/")[2] for template in used]
    if len(set(leaves)) < len(leaves):
        leaves = [template.replace("/", "_") for template in used]
    return {template: f"{name}/{leaf}" for template, leaf in zip(used, leaves, strict=True)}


def _copied_file(settings: Settings, other: Campaign, name: str, templates: dict[str, str]) -> str:
    """Return the text of the campaign's file with the new names, and marks at what each campaign has of its own."""
    path = settings.campaigns_dir / f"{other.campaign}.yaml"
    before = read_document(path).value
    text = YamlText(path.read_text(encoding="utf-8-sig"))
    text.set(("campaign",), name)
    if text.has("renamed_from"):
        text.remove("renamed_from")
    text.mark(("owner",), "Change: whom to ask about this campaign.")
    text.mark(("description",), f"Change: what this campaign is for. It is a copy of {other.campaign}.")
    if text.has("goal", "until") or text.has("goal", "from"):
        text.mark(("goal",), "Change: the dates of the target.")
    for at, _, template in template_places(before):
        text.set(at, templates[template])
        if text.has(*at[:-1], "offer", "code"):
            text.mark((*at[:-1], "offer", "code"), "Change: two campaigns with one code cannot be told apart.")
    wanted = _with_templates({**before, "campaign": name}, templates)
    wanted.pop("renamed_from", None)
    if parse_document(path, text.text()).value != wanted:
        raise CampaignError(f"{path.name}: it cannot be copied as it is written: give each key a line of its own")
    return text.text()


def _with_templates(value: Any, templates: dict[str, str]) -> Any:
    """Return the values of a campaign file with the names of its templates replaced."""
    if isinstance(value, list):
        return [_with_templates(one, templates) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: templates[one] if key == "template" else _with_templates(one, templates) for key, one in value.items()
    }


def _with_new_names(text: str, templates: dict[str, str]) -> str:
    """Return a template file in which names of its own files and words are those of the copy."""

    def renamed(tag: re.Match[str]) -> str:
        written = tag[0]
        for old, new in templates.items():
            written = re.sub(rf"(?<=[\"']){re.escape(old)}/", f"{new}/", written)
            written = re.sub(rf"(?<=[\"']){re.escape(_home(old))}\.", f"{_home(new)}.", written)
        return written

    return _JINJA.sub(renamed, text)


def _catalogues(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield each language that mails can be written in, with its file."""
    for language in languages(settings.templates_dir):
        yield language, settings.templates_dir / wording_file(language)


def _with_words(settings: Settings, language: str, words: Mapping[str, Words], comment: str) -> str:
    """Return the text of a language's file with the words of new templates, by the key that they are below.

    Raises:
        CampaignError: the file has such words already, or cannot take them as it is written.
    """
    file = wording_file(language)
    before = texts_in(settings.templates_dir).read(file)
    had = Wording(settings.templates_dir, language).messages
    text = YamlText(before.removeprefix("\ufeff"))
    wanted = dict(had)
    name = next(iter(words)).partition(".")[0]
    if _below(had, name):
        raise CampaignError(f"{file}: it has words of '{name}' already: take them out, or choose another name")
    inner = {home.partition(".")[2]: found for home, found in words.items()}
    is_written = text.add("messages", (name,), inner, comment)
    wanted |= {f"{home}.{key}": message for home, found in words.items() for key, message in found.items()}
    if not is_written or Wording(StoredTexts({file: text.text()}), language).messages != wanted:
        raise CampaignError(f"{file}: it cannot take words as it is written: give each of its keys a line of its own")
    return text.text()


def _home(template: str) -> str:
    return template.replace("/", ".")


def _below(messages: Words, home: str) -> dict[str, Any]:
    """Return the messages whose keys begin with `home`, by what follows."""
    begins = f"{home}."
    return {key.removeprefix(begins): message for key, message in messages.items() if key.startswith(begins)}
