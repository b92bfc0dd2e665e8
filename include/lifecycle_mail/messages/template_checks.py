"""What is wrong with a template, found before anything is sent: by reading it, and by rendering its samples.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
The most important check is the first. A personal variable outside a slot would become part of the shell,
and so show one person's data to everyone else in the batch.
"""

import copy
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from html.parser import HTMLParser
from typing import Any

from jinja2 import meta, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import escape

from lifecycle_mail.errors import TemplateError
from lifecycle_mail.locales import canonical
from lifecycle_mail.messages.dialect import PERSONAL, is_slot
from lifecycle_mail.messages.formatting import is_instant
from lifecycle_mail.messages.ingredients import AGAIN
from lifecycle_mail.messages.links import PAGES
from lifecycle_mail.messages.samples import Sample, read_samples
from lifecycle_mail.messages.shells import RenderedMail, Shell, rebuild
from lifecycle_mail.messages.slots import OFFER_FIELDS, RECOMMENDED_FIELDS
from lifecycle_mail.messages.sources import SlotSource, TemplateSource, dotted_names, read_sources
from lifecycle_mail.messages.templates import BRAND_FIELDS, BRAND_OPTIONAL, BRAND_PAGES, TemplateLibrary
from lifecycle_mail.messages.wording import Wording, no_words

PARTS = {"subject.txt": "text", "preheader.txt": "html", "body.mjml": "html", "body.txt": "text"}
ALL_PARTS = {**PARTS, AGAIN: "text"}  # the second subject is there if a step asks for it
CUSTOMER_FIELDS = ("first_name", "last_name", "language", "currency", "country", "timezone")
MJML_TAGS = frozenset(
    {"mjml"} | {f"mj-{tag}" for tag in (
        "head", "body", "title", "preview", "raw", "attributes", "all", "class", "style", "font",
        "breakpoint", "html-attributes", "selector", "html-attribute", "section", "column",
        "group",
        "wrapper", "hero", "text", "button", "image", "divider", "spacer", "table", "social",
        "social-element",
        "navbar", "navbar-link",
        "accordion", "accordion-element", "accordion-title", "accordion-text", "carousel", "carousel-image",
    )}
)  # fmt: skip
_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_TAG = re.compile(r"<(/?)(mj[a-z-]*)\b([^<>]*?)(/?)>")


def check_catalogues(library: TemplateLibrary) -> list[TemplateError]:
    """Return the files among the words that no mail would be written from: fa.yml, persian.yaml, iw.yaml next to he."""
    found: dict[str, str] = {}
    problems: list[TemplateError] = []
    for file in library.texts.files("translations"):
        stem, _, suffix = file.rpartition("/")[2].rpartition(".")
        locale = canonical(stem) if suffix == "yaml" else None
        if locale is None:
            problems.append(TemplateError(f"{file}: no words are read from it; name it like en.yaml or zh-Hant.yaml"))
        elif locale in found:
            problems.append(TemplateError(f"{file}: {found[locale]} has the words of the same language; keep one"))
        else:
            found[locale] = file
    return problems


def check_template(library: TemplateLibrary, name: str, languages: Iterable[str] = ("en",)) -> list[TemplateError]:
    """Return everything wrong with template `name` in the given languages, in reading order, each once.

    The words of the first language say which values the others have to show. Each error has file, line and what to do.
    """
    languages = list(languages)
    found = [error for file in (*PARTS, "sample.json") if (error := _missing(library, name, file))]
    samples = list[Sample]()
    try:
        samples = read_samples(library.folder, name)
    except TemplateError as error:
        found += [error] if (library.folder / name / "sample.json").is_file() else []
    read = _Reading(library, name, samples[0] if samples else None)
    found += [error for file in ALL_PARTS for error in _check_file(library, read, file)]
    found += _slots_without_twin(read)
    found += _recommended_without_sample(read, samples)
    for language in languages:
        words = list(_check_words(library, read, language, languages[0]))
        found += words
        drawn = _check_samples(library, name, samples, language)
        # What is wrong in reading is wrong in rendering again: only what a finished mail shows is news then.
        found += [error for error, is_stopped in drawn if not (found and is_stopped)]
    return list({str(error): error for error in found}.values())


def lacking_pages(library: TemplateLibrary, name: str, pages: Iterable[str]) -> Iterator[TemplateError]:
    """Yield the pages of the shop that template `name` leads to and the brand file does not have."""
    known = set(pages)
    for file in PARTS:
        text = (library.folder / name / file).read_text(encoding="utf-8") if _has(library, name, file) else ""
        for found in re.finditer(r"\bbrand\.pages\.([a-z][a-z0-9_]*)", text):
            if found[1] not in known:
                line = text.count("\n", 0, found.start()) + 1
                yield TemplateError(
                    f"{name}/{file}:{line}: brand.yaml has no page {found[1]}{_nearest(found[1], known)}; "
                    "add it there below pages"
                )


def _has(library: TemplateLibrary, name: str, file: str) -> bool:
    return (library.folder / name / file).is_file()


def _missing(library: TemplateLibrary, name: str, file: str) -> TemplateError | None:
    if _has(library, name, file):
        return None
    return TemplateError(
        f"{name}/{file}: no such file; every template has subject, preheader, two bodies and a sample"
    )


class _Reading:
    """A template's files, each with those that it extends and imports, and the names that they may use.

    They are read without words and without a sample if there is none, so that no fault hides another. `refused` are the
    errors of what could not be read, by file.
    """

    def __init__(self, library: TemplateLibrary, name: str, sample: Sample | None) -> None:
        self.name = name
        self.sources: dict[str, list[TemplateSource]] = {}
        self.shared: dict[str, set[str]] = {}
        self.refused: dict[str, list[TemplateError]] = {}
        campaign, _, step = name.partition("/")
        shell = Shell(name, campaign, step, None, "en", "USD", "", "", "", "", "", "", {}, {})
        for file, part in ALL_PARTS.items():
            if not (library.folder / name / file).is_file():
                continue
            env = library.environment(part, shell, None, wording=no_words())
            self.shared[file] = set(env.globals) | {"caller"} | ({"preheader"} if file == "body.mjml" else set())
            self.sources[file] = read_sources(env, f"{name}/{file}", self.refused.setdefault(file, []))
        self.shapes = _shapes(sample)


def _check_file(library: TemplateLibrary, read: _Reading, file: str) -> Iterator[TemplateError]:
    """Yield the errors that show when one file, and the files it extends and imports, are read."""
    yield from read.refused.get(file, ())
    bodies: dict[str, SlotSource] = {}
    for source in read.sources.get(file, ()):
        shared = read.shared[file]
        yield from _outside_slots(source, shared)
        yield from _misplaced(source)
        if source.file.endswith(".mjml"):
            yield from _mjml_tags(source.file, (library.folder / source.file).read_text(encoding="utf-8"))
        for slot in source.slots:
            twin = bodies.setdefault(slot.name, slot)
            if twin is not slot and repr(twin.body) != repr(slot.body):
                yield TemplateError(
                    f"{slot.file}:{slot.line}: slot {slot.name} is written differently in "
                    f"{twin.file}:{twin.line}; make them equal or rename one"
                )
            yield from _inside_slot(slot, source, shared, read.shapes)


class _WithoutSlots(NodeTransformer):
    """Removes the slots from a tree; the rest is what everyone in a batch sees."""

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node | None:
        return None if is_slot(node) else self.generic_visit(node)


def _outside_slots(source: TemplateSource, shared: set[str]) -> Iterator[TemplateError]:
    rest = _WithoutSlots().visit(copy.deepcopy(source.tree))
    # Blocks see what the top of their file imports, sets and defines. Jinja's analysis does not take that into account.
    own = set(source.imports) | {node.name for node in rest.find_all(nodes.Macro)}
    own |= {node.name for node in rest.find_all(nodes.Name) if node.ctx == "store"}
    unknown = meta.find_undeclared_variables(rest) - shared - (own - PERSONAL)
    for node in rest.find_all(nodes.Name):
        if node.ctx != "load" or node.name not in unknown | PERSONAL:
            continue
        if node.name in unknown and node.name in PERSONAL:
            yield TemplateError(
                f"{source.file}:{node.lineno}: personal variable {node.name} outside a slot would show one "
                f"recipient's data to all others; put it inside {{% slot … %}} … {{% endslot %}}"
            )
        elif node.name in unknown:
            yield TemplateError(
                f"{source.file}:{node.lineno}: unknown variable {node.name}{_nearest(node.name, shared)}; "
                f"shared are {', '.join(sorted(shared))}"
            )


def _misplaced(source: TemplateSource) -> Iterator[TemplateError]:
    """Yield misplaced slots, and imports that would pass personal variables on."""
    for macro in source.tree.find_all(nodes.Macro):
        for call in filter(is_slot, macro.find_all(nodes.CallBlock)):
            yield TemplateError(
                f"{source.file}:{call.lineno}: a slot stands inside a macro; put it in the template "
                "and pass it to the macro with {% call %}"
            )
    for slot in source.slots:
        for node in slot.body:
            inner = [
                node,
                *node.find_all((nodes.CallBlock, nodes.Block, nodes.Extends, nodes.Include, nodes.Import)),
            ]
            for bad in inner:
                if is_slot(bad) or isinstance(
                    bad, nodes.Block | nodes.Extends | nodes.Include | nodes.Import
                ):
                    yield TemplateError(
                        f"{slot.file}:{bad.lineno}: slot {slot.name} holds another slot, block, "
                        "include or import; move it out of the slot"
                    )


def _inside_slot(
    slot: SlotSource, source: TemplateSource, shared: set[str], shapes: dict[str, Any]
) -> Iterator[TemplateError]:
    """Yield unknown variables of a slot: names that are declared nowhere, and fields that the sample's data lacks."""
    known = shared | PERSONAL | set(source.imports)
    tree = nodes.Template(slot.body, lineno=slot.line)
    assert source.tree.environment is not None
    tree.set_environment(source.tree.environment)
    for name in sorted(meta.find_undeclared_variables(tree) - known):
        line = next((node.lineno for node in tree.find_all(nodes.Name) if node.name == name), slot.line)
        yield TemplateError(
            f"{slot.file}:{line}: slot {slot.name}: unknown variable {name}{_nearest(name, known)}; a slot may use "
            f"{', '.join(sorted(PERSONAL))}, shared variables and macros imported at the top of the file"
        )
    walker = _Fields(slot, dict(shapes))
    walker.walk(tree)
    yield from walker.errors
    if any("<mj" in data.data for data in tree.find_all(nodes.TemplateData)):
        yield TemplateError(
            f"{slot.file}:{slot.line}: slot {slot.name} has an mj- tag, but a slot is filled in after MJML; "
            "write HTML"
        )


UNKNOWN = object()


class _Fields:
    """Follows `a.b.c` through the sample's data, including loops, and records fields that the data lacks."""

    def __init__(self, slot: SlotSource, shapes: dict[str, Any]) -> None:
        self.slot, self.shapes, self.errors = slot, shapes, list[TemplateError]()

    def walk(self, node: nodes.Node) -> None:
        """Visit `node` and its descendants, and learn loop variables and assignments on the way."""
        if isinstance(node, nodes.For) and isinstance(node.target, nodes.Name):
            held = self.value(node.iter)
            self.shapes[node.target.name] = held[0] if isinstance(held, list) and held else UNKNOWN
        elif isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name):
            self.shapes[node.target.name] = self.value(node.node)
        elif isinstance(node, nodes.Getattr):
            self.value(node)
            return
        elif isinstance(node, nodes.Call):
            self._require_zone(node)
        for child in node.iter_child_nodes():
            self.walk(child)

    def _require_zone(self, call: nodes.Call) -> None:
        """Record a date that is made of an instant without a zone: in the evening it could be the next day's."""
        if not isinstance(call.node, nodes.Name) or call.node.name not in ("date", "day") or len(call.args) != 1:
            return
        told = len(self.errors)
        needs_zone = is_instant(self.value(call.args[0]))
        del self.errors[told:]  # the walk will visit this expression too
        if needs_zone and not call.kwargs:
            self.errors.append(TemplateError(
                f"{self.slot.file}:{call.lineno}: slot {self.slot.name}: {call.node.name}() of a moment needs the zone "
                f"whose date it is: give customer.timezone as its second argument"
            ))  # fmt: skip

    def value(self, node: nodes.Node) -> Any:
        """Return the sample's value of an expression, or UNKNOWN if it cannot be found out."""
        if isinstance(node, nodes.Name):
            return self.shapes.get(node.name, UNKNOWN)
        if isinstance(node, nodes.Filter) and node.name == "web_url" and node.node is not None:
            return self.value(node.node)
        if isinstance(node, nodes.Getitem):
            held = self.value(node.node)
            return held[0] if isinstance(held, list) and held else UNKNOWN
        if not isinstance(node, nodes.Getattr):
            self.walk(node) if not isinstance(node, nodes.Name) else None
            return UNKNOWN
        held = self.value(node.node)
        if not isinstance(held, dict):
            return UNKNOWN
        if node.attr not in held:
            dotted = next(iter(dotted_names(node)), node.attr)
            self.errors.append(TemplateError(
                f"{self.slot.file}:{node.lineno}: slot {self.slot.name}: {dotted} is not there"
                f"{_nearest(node.attr, held)}; known are {', '.join(map(str, held))}"
            ))  # fmt: skip
            return UNKNOWN
        return held[node.attr]


def _shapes(sample: Sample | None) -> dict[str, Any]:
    """Return the declared variables with sample values; offers always with all their fields."""
    known = {
        "customer": dict.fromkeys(CUSTOMER_FIELDS), "offer": dict.fromkeys(OFFER_FIELDS),
        "recommended": [dict.fromkeys(RECOMMENDED_FIELDS)],
    }  # fmt: skip
    if sample is None:
        return known | dict.fromkeys(("context", "links", "brand"), UNKNOWN)
    brand = {**dict.fromkeys((*BRAND_FIELDS, *BRAND_OPTIONAL, *BRAND_PAGES)), **sample.brand}
    return {**known, "context": sample.context, "links": sample.links, "brand": brand}


def _nearest(word: str, known: Iterable[Any]) -> str:
    """Return " (did you mean …?)" if a known word is near."""
    near = get_close_matches(word, [str(one) for one in known], n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def _slots_without_twin(read: _Reading) -> Iterator[TemplateError]:
    """Yield the personal parts of the html that readers of the text part would not get."""
    if any(read.refused.get(file, True) for file in ("body.mjml", "body.txt")):
        return
    html, text = (
        {slot.name: slot for source in read.sources[file] for slot in source.slots}
        for file in ("body.mjml", "body.txt")
    )
    for slot in (html[one] for one in sorted(html.keys() - text.keys())):
        yield TemplateError(
            f"{slot.file}:{slot.line}: slot {slot.name} is missing in {read.name}/body.txt; "
            "say the same in the text part"
        )


def _recommended_without_sample(read: _Reading, samples: list[Sample]) -> Iterator[TemplateError]:
    """Yield that a template shows recommended products, and no sample has any: they would never be looked at."""
    if not samples or any(sample.recommended for sample in samples):
        return
    slots = [slot for sources in read.sources.values() for source in sources for slot in source.slots]
    for slot in slots:
        if "recommended" in slot.names():
            yield TemplateError(
                f"{slot.file}:{slot.line}: slot {slot.name} shows recommended products, and {read.name}/sample.json "
                f'has none; give it "recommended": a list with {", ".join(RECOMMENDED_FIELDS)}'
            )
            return


def _mjml_tags(file: str, content: str) -> Iterator[TemplateError]:
    """Yield unknown and unbalanced mj- tags of one source file, with their lines."""
    text = _JINJA.sub(lambda part: re.sub(r"[^\n]", " ", part[0]), content)
    text = re.sub(r"<!--.*?-->", lambda part: re.sub(r"[^\n]", " ", part[0]), text, flags=re.DOTALL)
    opened: list[tuple[str, int]] = []
    for tag in _TAG.finditer(text):
        line = text.count("\n", 0, tag.start()) + 1
        closing, kind, single = bool(tag[1]), tag[2], bool(tag[4])
        if kind not in MJML_TAGS:
            yield TemplateError(
                f"{file}:{line}: MJML has no <{kind}>{_nearest(kind, MJML_TAGS)} and would drop it silently; correct "
                "the tag"
            )
        elif closing and (not opened or opened[-1][0] != kind):
            expected = f"</{opened[-1][0]}> of line {opened[-1][1]}" if opened else "no closing tag"
            yield TemplateError(
                f"{file}:{line}: </{kind}> stands in place of {expected}; close tags in order"
            )
            return
        elif closing:
            opened.pop()
        elif not single:
            opened.append((kind, line))
    for kind, line in opened:
        yield TemplateError(f"{file}:{line}: <{kind}> is never closed; add </{kind}>")


def _check_words(
    library: TemplateLibrary, read: _Reading, language: str, first: str
) -> Iterator[TemplateError]:
    """Yield words that the template asks for and a language lacks, or that need other values than they get."""
    try:
        wording = library.wording(language)
    except TemplateError as error:
        yield from (TemplateError(line) for line in str(error).splitlines())
        return
    try:
        shown = library.wording(first)
    except TemplateError:
        shown = wording  # that language tells it
    for source in (source for sources in read.sources.values() for source in sources):
        for call in source.tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "t":
                yield from _check_message(wording, shown, read.name, source.file, call)


def _check_message(
    wording: Wording, shown: Wording, name: str, file: str, call: nodes.Call
) -> Iterator[TemplateError]:
    where = f"{file}:{call.lineno}"
    if not call.args or not isinstance(call.args[0], nodes.Const):
        yield TemplateError(f"{where}: t() with a computed key cannot be checked; write the key itself")
        return
    written = str(call.args[0].value)
    key = name.replace("/", ".") + written if written.startswith(".") else written
    wanted, given = wording.placeholders(key), {pair.key for pair in call.kwargs}
    if wanted is None:
        near = _nearest(key, wording.messages)
        yield TemplateError(f"{where}: no message {key} in {wording.path.name}{near}; add it there")
        return
    if hidden := sorted((shown.placeholders(key) or set()) - wanted):
        yield TemplateError(
            f"{wording.path.name}: {key} does not show {', '.join(hidden)}, and {shown.path.name} does; write "
            f"{' '.join(f'{{{one}}}' for one in hidden)}"
        )
    forms = wording.plural_forms(key)
    if wanted - given or (forms and "count" not in given):
        lacking = sorted(wanted - given | ({"count"} - given if forms else set()))
        yield TemplateError(f"{where}: message {key} needs {', '.join(lacking)}; give it in t()")
    for form, numbers in wording.uncounted_forms(key).items():
        yield TemplateError(
            f"{wording.path.name}: {key}: {form} is the form of {', '.join(map(str, numbers))} …; write {{count}} in it"
        )
    if forms and wording.wanted_forms() - forms:
        lacking = sorted(wording.wanted_forms() - forms)
        yield TemplateError(f"{wording.path.name}: {key} lacks the plural form {', '.join(lacking)}; add it")


def _check_samples(
    library: TemplateLibrary, name: str, samples: list[Sample], language: str
) -> Iterator[tuple[TemplateError, bool]]:
    """Yield errors that show only when the samples are rendered, each in the slow and in the fast way, and whether the
    error stopped the rendering."""
    again = [(samples[0], True)] if samples and _has(library, name, AGAIN) else []
    for sample, is_again in [*((one, False) for one in samples), *again]:
        try:
            for error in _check_sample(library, name, sample, language, is_again):
                yield error, False
        except TemplateError as error:
            yield TemplateError(f"{error} (sample {sample.label})"), True


def _check_sample(
    library: TemplateLibrary, name: str, sample: Sample, language: str, is_again: bool
) -> Iterator[TemplateError]:
    shell = library.shell(replace(sample.spec(name), language=language, is_again=is_again))
    personal = (sample.customer, sample.context, sample.links, None, sample.recommended)
    whole = library.whole(shell, *personal)
    slots = library.slots(shell).render(*personal)
    where = f"{name}/body"
    if rebuild(shell, slots.substitutions, slots.subject) != whole:
        yield TemplateError(
            f"{where}.mjml: slots and whole rendering differ (sample {sample.label}); inside slots write "
            'HTML as MJML does: attributes in "…", <br />, no blanks between tags'
        )
    for part, text, shown in (("mjml", whole.html, lambda one: str(escape(one))), ("txt", whole.text, str)):
        if not any(shown(sample.links[name]) in text for name in ("leave_url", "unsubscribe_url")):
            yield TemplateError(
                f"{where}.{part}: no unsubscribe link; extend the base layout, or show the link"
            )
        if shown(sample.brand["postal_address"]) not in text:
            yield TemplateError(
                f"{where}.{part}: no postal address; extend the base layout, or show the address"
            )
    yield from _hidden_offer(name, sample, whole)
    yield from _unsendable(name, whole)
    if not whole.subject or not shell.preheader.strip():
        yield TemplateError(f"{name}: subject or preheader is empty (sample {sample.label}); write both")
    if "\n" in shell.preheader.strip():
        yield TemplateError(f"{name}/preheader.txt: more than one line; write one")
    own = {*sample.links.values(), sample.brand.get("preferences_url")}
    yield from _faulty_tags(name, whole.html, frozenset(filter(None, own)))
    yield from _unknown_pages(name, whole, sample.links["page_url"])


LARGEST_BYTES = 100_000  # Gmail cuts what is longer than 102 kB, and the footer with it
_PLAIN_LINK = re.compile(r"\bhttp://[^\s\"'<>]+")


def _unsendable(name: str, mail: RenderedMail) -> Iterator[TemplateError]:
    """Yield links that are not encrypted, and that the mail is too large to be shown whole."""
    for part, text in (("mjml", mail.html), ("txt", mail.text)):
        plain = [link for link in _PLAIN_LINK.findall(text) if not link.startswith("http://www.w3.org/")]
        for link in dict.fromkeys(plain):
            yield TemplateError(f"{name}/body.{part}: the link {link} is not encrypted; write https://")
        if (size := len(text.encode())) > LARGEST_BYTES:
            yield TemplateError(
                f"{name}/body.{part}: the mail has {size // 1000} kB, and Gmail cuts it after 102; show less"
            )


def _hidden_offer(name: str, sample: Sample, whole: RenderedMail) -> Iterator[TemplateError]:
    """Yield what a mail with an offer does not show: a recipient needs the code and has to know until when it holds."""
    if sample.offer is None:
        return
    if missing := [key for key in ("code", "valid_until") if sample.offer.get(key) is None]:
        yield TemplateError(f"{name}/sample.json: the offer has no {' and no '.join(missing)}; give the sample both")
        return
    for part, text in (("mjml", whole.html), ("txt", whole.text)):
        if str(sample.offer["code"]) not in text:
            yield TemplateError(
                f"{name}/body.{part}: the offer's code is not shown (sample {sample.label}); write offer_code of the "
                "base macros in a slot"
            )


class _Tags(HTMLParser):
    """Collects pictures without alternative text, links without an address, and tracked links to our own pages.

    `untracked`: the pages on which people say what mail they want. A click there is not interest in the mail, and a
    scanner follows these links too.
    """

    def __init__(self, untracked: frozenset[str]) -> None:
        super().__init__()
        self.untracked = untracked
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record the faults of one tag."""
        given = dict(attrs)
        if tag == "img" and not given.get("alt"):
            self.found.append("a picture has no alternative text; give it alt")
        if tag == "a" and not given.get("href"):
            self.found.append("a link goes nowhere; give it an address, or leave the link out")
        link = given.get("href") or ""
        if any(f"{link}/".startswith(f"{own}/") for own in self.untracked) and given.get("clicktracking") != "off":
            self.found.append(
                "SendGrid would count clicks on the link to unsubscribe, to the preferences or to the mail in the "
                'browser; write <a clicktracking="off" href=…> in an mj-text'
            )


_SURVEY = re.compile(r"survey/[a-z0-9_]{1,40}/[a-z0-9_]{1,40}")


def _unknown_pages(name: str, mail: RenderedMail, page_url: str) -> Iterator[TemplateError]:
    """Yield links below the recipient's address of pages behind which there is no page."""
    below = re.compile(re.escape(page_url) + r"(?:/([^\s\"'<>]*))?")
    for part, text in (("mjml", mail.html), ("txt", mail.text)):
        for page in dict.fromkeys(page or "" for page in below.findall(text)):
            if page not in PAGES and not _SURVEY.fullmatch(page):
                yield TemplateError(
                    f"{name}/body.{part}: there is no page /{page}{_nearest(page, PAGES)}; known are "
                    f"{', '.join(PAGES)} and survey/<survey>/<answer>, named in a-z, 0-9 and _"
                )


def _faulty_tags(name: str, html: str, untracked: frozenset[str]) -> Iterator[TemplateError]:
    reader = _Tags(untracked)
    reader.feed(html)
    yield from (TemplateError(f"{name}/body.mjml: {fault}") for fault in dict.fromkeys(reader.found))

