"""The pages as HTML: templates/*.html, in the words of translations/<language>.yaml and the colours of the brand."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lifecycle_mail.campaigns import Brand
from lifecycle_mail.locales import bcp47, nearest_language
from lifecycle_mail.messages.formatting import contrast, ink_on, readable
from lifecycle_mail.messages.wording import Wording, languages

HOME = Path(__file__).resolve().parent
LIGHT, DARK = "#f3f1ec", "#302d28"  # what reads on these reads on every paper of the pages
_DARK_INK = "#f3efe7"


class Pages:
    """Writes pages; safe to share between threads. `style_hash` is what the pages' Content-Security-Policy permits."""

    def __init__(self, brand: Brand) -> None:
        self._brand = brand
        self._environment = Environment(
            loader=FileSystemLoader(HOME / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self._languages = languages(HOME)
        style = self._environment.get_template("style.css").render(
            colour=brand.colour, ink=ink_on(brand.colour), link=readable(brand.colour, LIGHT),
            dark_link=lightened(brand.colour),
        )  # fmt: skip
        self._style = Markup(style)
        digest = hashlib.sha256(style.encode()).digest()
        self.style_hash = f"'sha256-{base64.b64encode(digest).decode()}'"

    def page(self, name: str, language: str | None = None, **values: Any) -> str:
        """Return a page in the nearest language that there is; `language` is that of the mail."""
        chosen = nearest_language(language or self._brand.language, self._languages, "en")
        wording = _wording(chosen)
        return self._environment.get_template(f"{name}.html").render(
            t=wording.translator("pages"), language=bcp47(chosen), dir=wording.direction, brand=self._brand,
            style=self._style, **values,
        )  # fmt: skip


def lightened(colour: str) -> str:
    """Return the colour, lightened until it reads at 4.5:1 or better on dark paper."""
    while contrast(colour, DARK) < 4.5:
        channels = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        brighter = "#" + "".join(f"{channel + (255 - channel + 9) // 10:02x}" for channel in channels)
        if brighter == colour:
            return _DARK_INK
        colour = brighter
    return colour


@lru_cache
def _wording(language: str) -> Wording:
    return Wording(HOME, language)
