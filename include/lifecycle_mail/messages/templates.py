"""The folder of mail templates: its templates, their shells and their slots.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
A template is a folder include/templates/<campaign>/<step>/ with subject.txt, preheader.txt, body.mjml,
body.txt and sample.json. base/ has layouts and macros, translations/ the words. No database here.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from jinja2 import TemplateError as JinjaError
from jinja2 import UndefinedError
from jinja2.environment import TemplateModule
from markupsafe import Markup
from mjml import mjml2html

from lifecycle_mail.errors import TemplateError
from lifecycle_mail.locales import bcp47, nearest_language
from lifecycle_mail.messages.casing import casing_filters
from lifecycle_mail.messages.dialect import MailEnvironment, compile_slot
from lifecycle_mail.messages.directions import RIGHT_TO_LEFT_MARK, with_bdi, without_marks
from lifecycle_mail.messages.formatting import (
    addition_checker,
    date_writer,
    day_writer,
    days_until,
    end_writer,
    ink_on,
    money_writer,
    number_writer,
    readable,
    subject_line,
    tile_of,
    times,
)
from lifecycle_mail.messages.ingredients import AGAIN, SAMPLE, ingredients, variables_of_slots
from lifecycle_mail.messages.ingredients import FILES as MAIL_FILES
from lifecycle_mail.messages.offers import offer_title
from lifecycle_mail.messages.samples import read_samples
from lifecycle_mail.messages.shells import RenderedMail, Shell, ShellSpec
from lifecycle_mail.messages.slots import CompiledSlot, SlotRenderer, full_offer, own_offer
from lifecycle_mail.messages.snapshots import in_time, with_occurrences
from lifecycle_mail.messages.sources import SlotSource, TemplateSource, read_sources
from lifecycle_mail.messages.texts import FolderTexts, Texts, texts_in
from lifecycle_mail.messages.wording import Wording, languages

# Increase this if the same files would render to another mail. It is part of every template version.
ENGINE_VERSION = "3"
FILES = (*MAIL_FILES, SAMPLE)
PLACES = {"subject.txt": "subject", AGAIN: "subject", "preheader.txt": "preheader"}
BRAND_FIELDS = ("name", "url", "colour", "postal_address", "support_email")
BRAND_OPTIONAL = ("tagline", "logo_url", "preferences_url")
BRAND_PAGES = ("pages", "topic_pages")


def template_version(folder: Path | Texts, name: str) -> str:
    """Return a hash (16 hex digits) of everything that the rendering of `name` depends on.

    That is: its own files, what they extend, include and import, the words they use, the engine and the libraries
    that write the mail. Raises TemplateError if there is no such template, or if it cannot be read.
    """
    engine = repr([ENGINE_VERSION, *(version(p) for p in ("jinja2", "mjml-python", "babel"))])
    digest = sha256(engine.encode())
    for file, text in sorted(ingredients(texts_in(folder), name).items()):
        digest.update(f"{file}\0{len(text)}\0{text}".encode())
    return digest.hexdigest()[:16]


def _subject_file(shell: Shell) -> str:
    return AGAIN if shell.is_again else "subject.txt"


class TemplateLibrary:
    """A folder of templates. Each file is read once; a new library, or one after `look_again`, sees changed files.

    A library of stored texts writes mails as they were when the texts were kept, whatever the folder has by now.
    """

    def __init__(self, folder: Path | Texts) -> None:
        self.texts = texts_in(folder)
        self._wordings: dict[str, Wording] = {}
        self._versions: dict[str, str] = {}
        self._renderers: dict[tuple[str, str], SlotRenderer] = {}

    @property
    def folder(self) -> Path:
        """The folder, for checks, which look at files."""
        assert isinstance(self.texts, FolderTexts)
        return self.texts.folder

    def look_again(self) -> None:
        """Forget the files' texts. Renderers stay, because each belongs to a shell and so to a version of its files."""
        self._versions.clear()
        self._wordings.clear()

    def names(self) -> list[str]:
        """Return the names of the templates, as campaign/step, in order."""
        homes = {path.parent for mark in FILES for path in self.folder.glob(f"*/*/{mark}")}
        return sorted(home.relative_to(self.folder).as_posix() for home in homes)

    def languages(self) -> list[str]:
        """Return the languages in which mails can be written."""
        return languages(self.texts)

    def language_for(self, wanted: str | None, default: str = "en") -> str:
        """Return the available language nearest to a reader's locale, else to `default` (`nearest_language`)."""
        return nearest_language(wanted, self.languages(), default)

    def version(self, name: str) -> str:
        """Return `template_version` of one template, computed once."""
        if name not in self._versions:
            self._versions[name] = template_version(self.texts, name)
        return self._versions[name]

    def shows_recommended(self, name: str) -> bool:
        """Return whether mails of template `name` show recommended products (TemplateError as for `version`)."""
        return "recommended" in variables_of_slots(self.texts, name)

    def has_again(self, name: str) -> bool:
        """Return whether template `name` has a second subject."""
        return f"{name}/{AGAIN}" in self.texts.files(name)

    def shell_key(self, spec: ShellSpec) -> str:
        """Return the key `shell` would have for the same `spec`, without rendering it."""
        return self.ingredients(spec).shell_key

    def shell(self, spec: ShellSpec, *, token: str | None = None) -> Shell:
        """Render the shared part of a mail.

        `token`: the random part of the tokens, 8 hex digits; only tests give it.
        Raises TemplateError for a missing file or variable, with file and line.
        """
        bare = self.ingredients(spec, token=token)
        mail, preheader, used = self._render(bare, bare.token, {})
        shell = replace(
            bare, html=mail.html, text=mail.text, subject=mail.subject, preheader=preheader,
            slot_tokens=dict(sorted(used.items())),
        )  # fmt: skip
        whole = replace(shell, slots_dictionary=self._dictionary(shell))
        self._require_unchanged(whole)
        return whole

    def _dictionary(self, shell: Shell) -> bytes:
        """Return the slots of the template's first sample as JSON; recipients' slots are compressed against it.

        A template without a usable sample is sent all the same. Its slots only take more room.
        """
        try:
            sample = read_samples(self.texts, shell.name)[0]
            slots = self._renderer(shell).render(
                sample.customer, sample.context, sample.links, recommended=sample.recommended
            )
        except (TemplateError, IndexError):
            return b""
        return orjson.dumps(slots.substitutions)

    def ingredients(self, spec: ShellSpec, *, token: str | None = None) -> Shell:
        """Return a shell without its rendered parts: enough for its key and its shared variables."""
        return Shell(
            spec.template, spec.campaign, spec.step, spec.variant, spec.language, spec.currency,
            self.version(spec.template), token or secrets.token_hex(4),
            html="", text="", subject="", preheader="", slot_tokens={},
            brand=full_brand(spec.brand), offer=full_offer(spec.offer), definition_md5=spec.definition_md5,
            is_again=spec.is_again,
        )  # fmt: skip

    def whole(
        self, shell: Shell, customer: Mapping[str, Any], context: Mapping[str, Any], links: Mapping[str, Any],
        offer: Mapping[str, Any] | None = None, recommended: Sequence[Mapping[str, Any]] = (),
    ) -> RenderedMail:  # fmt: skip
        """Render a mail at once with the slots in place: the slow way, which proves the fast one."""
        known = with_occurrences(context)
        personal = {
            "customer": customer, "context": known, "links": links, "offer": own_offer(shell, offer),
            "recommended": recommended,
        }  # fmt: skip
        return self._render(shell, None, personal)[0]

    def slots(self, shell: Shell) -> SlotRenderer:
        """Return the renderer of a shell's personal parts, kept for the life of this library.

        Raises TemplateError if the templates have changed since the shell was rendered.
        """
        key = (shell.shell_key, shell.token)
        if key not in self._renderers:
            renderer = self._renderer(shell)
            self._require_unchanged(shell)
            self._renderers[key] = renderer
        return self._renderers[key]

    def _require_unchanged(self, shell: Shell) -> None:
        """Refuse templates that differ from the shell's, because a deployment may have changed the files meanwhile.

        Raises:
            TemplateError: they changed since the shell was rendered.
        """
        if shell.template_version != template_version(self.texts, shell.name):
            raise TemplateError(
                f"{shell.name}: the template changed since its shell {shell.shell_key} was rendered; "
                "render a new shell for new messages"
            )

    def environment(
        self, part: str, shell: Shell, mark: str | None, direct: bool = False, wording: Wording | None = None
    ) -> MailEnvironment:
        """Return the environment of one part (html or text) of a shell, with its shared variables.

        `wording`: instead of the words of the shell's language.
        """
        return MailEnvironment(self.texts, part, self._shared(shell, wording), mark, direct)

    def wording(self, language: str) -> Wording:
        """Return the words of a language, read once."""
        if language not in self._wordings:
            self._wordings[language] = Wording(self.texts, language)
        return self._wordings[language]

    def _shared(self, shell: Shell, wording: Wording | None = None) -> dict[str, Any]:
        """Return the variables that a shell and its slots may both use. None of them belongs to one customer."""
        wording = wording or self.wording(shell.language)
        rtl = wording.direction == "rtl"
        return {
            "brand": shell.brand, "campaign": shell.campaign, "step": shell.step, "variant": shell.variant,
            "language": bcp47(shell.language), "currency": shell.currency, "offer": shell.offer,
            "t": wording.translator(shell.name), "money": money_writer(shell.language, shell.currency),
            "number": number_writer(shell.language), "date": date_writer(shell.language),
            "day": day_writer(shell.language), "days_until": days_until, "end_of": end_writer(shell.language),
            "offer_title": partial(offer_title, shell.offer, wording.translator(shell.name),
                                   money_writer(shell.language, shell.currency)),
            "in_time": in_time, "adds_up": addition_checker(shell.currency),
            "dir": wording.direction, "start": "right" if rtl else "left", "end": "left" if rtl else "right",
            "line_start": RIGHT_TO_LEFT_MARK if rtl else "",
            "ink_on": ink_on, "readable": readable, "times": times,
            "tile_of": partial(tile_of, upper=casing_filters(shell.language)["upper"]),
        }  # fmt: skip

    def _render(
        self, shell: Shell, mark: str | None, personal: Mapping[str, Any]
    ) -> tuple[RenderedMail, str, dict[str, str]]:
        """Render every part; returns the mail, the preheader and the tokens in use."""
        html_env, text_env = (self.environment(part, shell, mark) for part in ("html", "text"))
        preheader = self._file(html_env, shell, "preheader.txt", personal)
        mjml = self._file(html_env, shell, "body.mjml", {**personal, "preheader": Markup(preheader)})
        text = self._file(text_env, shell, "body.txt", personal)
        subject = self._file(text_env, shell, _subject_file(shell), personal)
        # A subject with tokens is cut only after they are filled in, because a token is not as long as a name.
        line = " ".join(subject.split()) if text_env.used else subject_line(subject)
        mail = RenderedMail(line, to_html(shell.name, with_bdi(mjml)), text.strip() + "\n")
        return mail, preheader, html_env.used | text_env.used

    def _file(self, env: MailEnvironment, shell: Shell, file: str, values: Mapping[str, Any]) -> str:
        name = f"{shell.name}/{file}"
        try:
            return env.get_template(name).render(values)
        except TemplateError:
            raise
        except Exception as error:
            raise shell_error(self.texts, name, error) from None

    def _renderer(self, shell: Shell) -> SlotRenderer:
        compiled: list[CompiledSlot] = []
        for part, files in (("html", ("preheader.txt", "body.mjml")), ("text", (_subject_file(shell), "body.txt"))):
            env = self.environment(part, shell, None, direct=True)
            for file in files:
                compiled += _compiled(env, shell, file, PLACES.get(file, part))
        return SlotRenderer(shell, compiled)


def _compiled(env: MailEnvironment, shell: Shell, file: str, place: str) -> list[CompiledSlot]:
    """Compile the slots of one file that the shell uses."""
    done: list[CompiledSlot] = []
    for slot, source in slots_in_use(read_sources(env, f"{shell.name}/{file}"), place, shell.slot_tokens):
        write, template = compile_slot(env, slot.key(source.text), slot.body, _macros(env, source, slot))
        token = shell.slot_tokens[f"{place}.{slot.name}"]
        done.append(CompiledSlot(slot.name, token, write, template, slot.file, slot.names()))
    return done


def slots_in_use(
    sources: list[TemplateSource], place: str, tokens: Mapping[str, str]
) -> list[tuple[SlotSource, TemplateSource]]:
    """Return each slot whose token is in the shell, once, with the file in which it was written."""
    found: dict[str, tuple[SlotSource, TemplateSource]] = {}
    for source in sources:
        for slot in source.slots:
            if f"{place}.{slot.name}" in tokens:
                found.setdefault(slot.name, (slot, source))
    return list(found.values())


def _macros(env: MailEnvironment, source: TemplateSource, slot: SlotSource) -> dict[str, Any]:
    """Return the macros that a slot calls, so that the import runs once per shell instead of once per recipient."""
    wanted = {name.split(".")[0] for name in slot.names()}
    modules: dict[str, TemplateModule] = {}
    macros: dict[str, Any] = {}
    for alias, (file, macro) in source.imports.items():
        if alias in wanted:
            module = modules.setdefault(file, env.get_template(file).module)
            macros[alias] = module if macro is None else getattr(module, macro)
    return macros


def full_brand(brand: Mapping[str, Any]) -> dict[str, Any]:
    """Return the brand with all its optional fields.

    Raises TemplateError if a required field is missing, or if the colour is not #rrggbb.
    """
    missing = [field for field in BRAND_FIELDS if not brand.get(field)]
    if missing:
        raise TemplateError(f"the brand lacks {', '.join(missing)}; add it, so that recipients recognise the sender")
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", str(brand["colour"])):
        raise TemplateError("the brand's colour is not written as #rrggbb; write it like #1f6b45")
    return {**dict.fromkeys(BRAND_OPTIONAL), **{field: {} for field in BRAND_PAGES}, **brand}


def to_html(name: str, mjml: str) -> str:
    """Turn MJML into HTML. Raises TemplateError if it is not valid MJML; `check_template` finds the line.

    The converter would write some letters of attributes as code: `\\u{e31}` for a vowel of Thai, in links too. So it
    gets none but ASCII there.
    """
    try:
        html = str(mjml2html(_ATTRIBUTES.sub(_referring, mjml), fonts={}))
        whole = _REFERENCE.sub(lambda found: chr(int(found[1], 16)), html)
        return _LABEL.sub(lambda found: without_marks(found[0]), whole, count=1)
    except ValueError as error:
        raise TemplateError(f"{name}/body.mjml: not valid MJML ({error}); check that every tag is closed") from None


# Where the converter takes attributes from: its own tags, and the title, which becomes a label.
_ATTRIBUTES = re.compile("<mj-title>.*?</mj-title>|<mj[^<>]*>", re.DOTALL)
_UNFIT = re.compile(r"[^\x00-\x7f]|\\")
_REFERENCE = re.compile("&#x0000([0-9a-f]{6});")
_LABEL = re.compile('aria-label="[^"]*"')


def _referring(tag: re.Match[str]) -> str:
    """Return a tag with references, of a form that no author writes, in place of what the converter would spoil."""
    return _UNFIT.sub(lambda found: f"&#x0000{ord(found[0]):06x};", tag[0])


def shell_error(texts: Texts, name: str, error: Exception) -> TemplateError:
    """Return the error for a failed rendering: the innermost template file and line, and what was wrong."""
    line, step = getattr(error, "lineno", None), error.__traceback__
    file = getattr(error, "name", None) or name
    while step is not None:
        own = texts.name_of(step.tb_frame.f_code.co_filename)
        if own is not None:
            file, line = own, step.tb_lineno
        step = step.tb_next
    where = f"{file}:{line}" if line else file
    if isinstance(error, UndefinedError):
        return TemplateError(f"{where}: {error}; outside a slot only shared variables may be used")
    if isinstance(error, JinjaError):
        return TemplateError(f"{where}: {error.message or type(error).__name__}; correct the template")
    return TemplateError(f"{where}: {type(error).__name__} while rendering; check the values the template is given")
