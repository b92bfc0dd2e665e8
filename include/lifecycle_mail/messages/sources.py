"""Reading template files as syntax trees: which files make a mail, its slots, and the variables that a slot may read.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from jinja2 import TemplateNotFound, TemplateSyntaxError, meta, nodes

from lifecycle_mail.errors import TemplateError
from lifecycle_mail.messages.dialect import MailEnvironment, SlotKey, is_slot, slot_name
from lifecycle_mail.messages.texts import StoredTexts


@dataclass
class SlotSource:
    """A slot as written: its name, content, file (inside the template folder) and line."""

    name: str
    body: list[nodes.Node]
    file: str
    line: int

    def key(self, text: str) -> SlotKey:
        """Return what tells this slot of the file's `text` from all others."""
        return SlotKey(self.file, text, self.name, self.line)

    def names(self) -> tuple[str, ...]:
        """Return the dotted variables the slot reads, such as item.unit_price, each once."""
        return tuple(dict.fromkeys(name for node in self.body for name in dotted_names(node)))


@dataclass
class TemplateSource:
    """One parsed template file with its slots and the macros it imports (alias → (file, macro or None))."""

    file: str
    text: str
    tree: nodes.Template
    slots: list[SlotSource] = field(default_factory=list)
    imports: dict[str, tuple[str, str | None]] = field(default_factory=dict)


def read_sources(
    env: MailEnvironment, file: str, refused: list[TemplateError] | None = None
) -> list[TemplateSource]:
    """Return `file` and every template that it extends, includes or imports, each once.

    Raises TemplateError with file and line for a missing file, a syntax error or a computed reference. With `refused`
    such an error is added there instead, and the other files are returned.
    """
    found: dict[str, TemplateSource] = {}
    waiting, seen = [file], set[str]()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        try:
            found[name] = _read(env, name)
            waiting += _referenced(found[name])
        except TemplateError as error:
            if refused is None:
                raise
            refused.append(error)
    return list(found.values())


def _referenced(source: TemplateSource) -> list[str]:
    names = list(meta.find_referenced_templates(source.tree))
    if None in names:
        raise TemplateError(f"{source.file}: extends, includes or imports a computed name; write the name itself")
    return [name for name in names if name is not None]


def _read(env: MailEnvironment, file: str) -> TemplateSource:
    assert env.loader is not None
    try:
        text, _, _ = env.loader.get_source(env, file)
    except TemplateNotFound:
        raise TemplateError(f"{file}: no such template file; add it, or correct the name that refers to it") from None
    except UnicodeDecodeError:
        raise TemplateError(f"{file}: the file is not UTF-8; save it as UTF-8") from None
    return parse_source(file, text)


_READER = MailEnvironment(StoredTexts({}), "html", {}, None)


@lru_cache(maxsize=512)
def parse_source(file: str, text: str) -> TemplateSource:
    """Return one parsed file; readers leave it as it is (TemplateError with file and line if its syntax is wrong)."""
    try:
        tree = _READER.parse(text, file, file)
        meta.find_undeclared_variables(tree)  # this finds unknown filters and tests, and parsing does not
    except TemplateSyntaxError as error:
        raise TemplateError(f"{file}:{error.lineno}: {error.message}; correct the template's syntax") from None
    source = TemplateSource(file, text, tree, imports=dict(_imports(tree)))
    source.slots = [
        SlotSource(slot_name(node), node.body, file, node.lineno)
        for node in tree.find_all(nodes.CallBlock)
        if is_slot(node)
    ]
    return source


def _imports(tree: nodes.Template) -> Iterator[tuple[str, tuple[str, str | None]]]:
    for node in tree.find_all(nodes.FromImport):
        if isinstance(node.template, nodes.Const):
            for name in node.names:
                macro, alias = (name, name) if isinstance(name, str) else name
                yield alias, (str(node.template.value), macro)
    for whole in tree.find_all(nodes.Import):
        if isinstance(whole.template, nodes.Const):
            yield whole.target, (str(whole.template.value), None)


def dotted_names(node: nodes.Node) -> Iterator[str]:
    """Yield the variables under `node` as they are written, the longest form of each: customer.first_name."""
    if isinstance(node, nodes.Name) and node.ctx == "load":
        yield node.name
    elif isinstance(node, nodes.Getattr | nodes.Getitem) and (dotted := _dotted(node)):
        yield dotted
    else:
        for child in node.iter_child_nodes():
            yield from dotted_names(child)


def _dotted(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Filter) and node.name == "web_url" and node.node is not None:
        return _dotted(node.node)
    if isinstance(node, nodes.Getattr):
        before = _dotted(node.node)
        return f"{before}.{node.attr}" if before else None
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        before = _dotted(node.node)
        return f"{before}[{node.arg.value}]" if before else None
    return None
