"""A small template library for tests: the real base and words, and one template made of given parts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from lifecycle_mail.messages.shells import Shell, ShellSpec
from lifecycle_mail.messages.templates import TemplateLibrary

TEMPLATES = Path(__file__).resolve().parents[2] / "include" / "templates"
BASE = json.loads((TEMPLATES / "base" / "sample.json").read_text(encoding="utf-8"))
NAME = "trial/mail"
CART = json.loads((TEMPLATES / "cart_abandoned" / "reminder" / "sample.json").read_text(encoding="utf-8"))["context"]

GREETING = "{% slot greeting %}Hello {{ customer.first_name }}{% endslot %}"


def mjml(content: str) -> str:
    """Return a body.mjml with `content` in one text block."""
    return (
        '{% extends "base/layout.mjml" %}\n{% block content %}\n<mj-section><mj-column>\n<mj-text>'
        f"{content}</mj-text>\n</mj-column></mj-section>\n{{% endblock %}}\n"
    )


def text(content: str) -> str:
    """Return a body.txt with `content`."""
    return f'{{% extends "base/layout.txt" %}}\n{{% block content %}}\n{content}\n\n{{% endblock %}}\n'


def library(folder: Path, content: str = GREETING, **files: str) -> TemplateLibrary:
    """Make a library whose one template says `content` in html and text; `files` replace single files.

    Keys of `files` are subject_txt, preheader_txt, body_mjml, body_txt, sample_json.
    """
    shutil.copytree(TEMPLATES / "base", folder / "base")
    shutil.copytree(TEMPLATES / "translations", folder / "translations")
    home = folder / NAME
    home.mkdir(parents=True)
    sample = {"variants": [{"variant": None, "offer": None}], "context": CART}
    for name, default in {
        "subject.txt": "A subject\n",
        "preheader.txt": "A preheader\n",
        "body.mjml": mjml(content),
        "body.txt": text(content),
        "sample.json": json.dumps(sample),
    }.items():
        (home / name).write_text(files.get(name.replace(".", "_"), default), encoding="utf-8")
    return TemplateLibrary(folder)


def shell(templates: TemplateLibrary, name: str = NAME, **changes: Any) -> Shell:
    """Render a shell with the sample brand; `changes` replace arguments."""
    arguments: dict[str, Any] = {
        "campaign": "trial", "step": "mail", "variant": None, "language": "en", "currency": "USD",
        "brand": BASE["brand"],
    }  # fmt: skip
    token = changes.pop("token", None)
    return templates.shell(ShellSpec(name, **{**arguments, **changes}), token=token)


def customer(**changes: Any) -> dict[str, Any]:
    """Return the sample customer with changes."""
    return {**BASE["customer"], **changes}


def cart(**changes: Any) -> dict[str, Any]:
    """Return the sample cart with changes."""
    return {**CART, **changes}


LINKS = BASE["links"]
