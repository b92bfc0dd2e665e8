"""The template language of the mails: Jinja with slots, strict variables and one way to write values.

Path: sources → segments → journeys → decisions → [messages] → delivery → events → kpis.
It differs from plain Jinja in these points, each for a reason:

- `{% slot name %} … {% endslot %}` marks what is personal. When a shell is rendered, a token stands there.
  The content is compiled by itself and rendered once per recipient.
- `context.items` means the key, never the method of dict. A missing variable is an error, never an empty string.
- Every `{{ … }}` goes through one function per part (html or text), so that no author can forget cleaning,
  escaping or isolating what reads in the other direction. None is written as nothing.
- `….url` and `…._url` inside a slot are dropped (None) unless they are whole links with a safe scheme.
"""

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from io import StringIO
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

from jinja2 import BytecodeCache, Environment, StrictUndefined, Template, nodes
from jinja2.bccache import Bucket
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context, Macro
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from lifecycle_mail.messages.casing import casing_filters
from lifecycle_mail.messages.formatting import html_value, html_writer, text_value, text_writer, web_url
from lifecycle_mail.messages.texts import Texts, texts_in

PERSONAL = frozenset({"customer", "context", "links", "recommended"})
TOKEN_OPEN = "[%lm-"
TOKEN_CLOSE = "%]"


def token_for(mark: str, part: str, name: str) -> str:
    """Return the token of a slot: `mark` is the shell's random part, `part` one of h, t, s, p."""
    return f"{TOKEN_OPEN}{mark}-{part}-{name}{TOKEN_CLOSE}"


class SlotExtension(Extension):
    """`{% slot name %} … {% endslot %}`: a token in a shell, its own content if a mail is rendered whole."""

    tags = {"slot"}  # noqa: RUF012  (Jinja's own declaration)
    environment: "MailEnvironment"

    def parse(self, parser: Parser) -> nodes.Node:
        """Turn the tag into a call whose body is the slot's content, with its addresses of pages guarded."""
        line = next(parser.stream).lineno
        name = parser.stream.expect("name").value
        body = parser.parse_statements(("name:endslot",), drop_needle=True)
        guarded: list[nodes.Node] = [_GuardAddresses().visit(node) for node in body]
        call = self.call_method("_slot", [nodes.ContextReference(), nodes.Const(name)])
        return nodes.CallBlock(call, [], [], guarded).set_lineno(line)

    def _slot(self, context: Context, name: str, caller: Callable[[], str]) -> str:
        if self.environment.mark is None:
            return caller()
        part = "p" if str(context.name).endswith("preheader.txt") else self.environment.part_of(str(context.name))
        token = token_for(self.environment.mark, part, name)
        self.environment.used[f"{PARTS[part]}.{name}"] = token
        return Markup(token)


PARTS = {"h": "html", "t": "text", "s": "subject", "p": "preheader"}


def is_slot(node: nodes.Node) -> bool:
    """Tell whether a node of a parsed template is a slot."""
    if not isinstance(node, nodes.CallBlock) or not isinstance(node.call.node, nodes.ExtensionAttribute):
        return False
    return node.call.node.identifier == SlotExtension.identifier


def slot_name(node: nodes.CallBlock) -> str:
    """Return the name of a slot's node."""
    name = node.call.args[1]
    assert isinstance(name, nodes.Const)
    return str(name.value)


class _GuardAddresses(NodeTransformer):
    """Wraps every `….url` and `…._url` in the web_url filter, so that no author can forget the filter."""

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Expr:
        self.generic_visit(node)
        return _guarded(node) if _is_address(node.attr) else node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:
        self.generic_visit(node)
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        return _guarded(node) if isinstance(key, str) and _is_address(key) else node


def _is_address(name: str) -> bool:
    return name == "url" or name.endswith("_url")


def _guarded(node: nodes.Expr) -> nodes.Expr:
    wrapped = nodes.Filter(node, "web_url", [], [], None, None)
    wrapped.set_lineno(node.lineno)
    return wrapped


# The name of a slot in the template language while it is compiled, and the arguments of its function, in this order.
SLOT = "_slot"
SLOT_ARGUMENTS = ("customer", "context", "links", "offer", "recommended")
WriteSlot = Callable[[Any, Any, Any, Any, Any], str]
NEVER_FREE = frozenset({"loop", "caller", "self", "super", "varargs", "kwargs"})

REMEMBERED = 16_384  # results of macros, for all shells of a process together: at most 17 MB of product rows
_write = lru_cache(maxsize=REMEMBERED, typed=True)(lambda macro, *values: macro(*values))


def recall(macro: Callable[..., str], *values: Any) -> str:
    """Return what an imported macro writes for these values, from memory if it wrote it not long ago.

    Such a macro sees its values and what the shell shares, never the recipient. So the same values, of the same types
    (1 is not 1.0, text is not markup), give the same text. The baskets of a million mails consist of few product rows.
    """
    try:
        return _write(macro, *values)
    except TypeError:  # a list or a mapping cannot be remembered; any other TypeError is raised again by this call
        return macro(*values)


class MailCodeGenerator(CodeGenerator):
    """Writes values through the environment's one output function, and calls plain names directly.

    A call of a macro inside `{{ … }}` uses the macro's own function, without Jinja's dispatch and wrapping, because
    what it returns is markup already. This alone halves the time of a slot.
    """

    environment: "MailEnvironment"
    _plain_macros: dict[str, int]
    _recalled: frozenset[str]
    _attributes_of: set[str]

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:
        """Find out which macros of the file can be called by their own function, then go on as usual."""
        self._plain_macros = dict(self.environment.plain_macros)
        for macro in node.find_all(nodes.Macro):
            used = {name.name for name in macro.find_all(nodes.Name)}
            if used.isdisjoint(("caller", "kwargs", "varargs")):
                self._plain_macros[macro.name] = len(macro.args)
        own = {macro.name for macro in node.find_all(nodes.Macro)}
        own |= {name.name for name in node.find_all(nodes.Name) if name.ctx != "load"}
        self._recalled = frozenset(self.environment.plain_macros) - own
        self._attributes_of = {"loop", *_imported(node)}
        if self.environment.direct:
            self._look_up_once(node)
        super().visit_Template(node, frame)

    def _look_up_once(self, node: nodes.Template) -> None:
        """Read what macros and slots take from outside when their file is loaded, instead of at each of their calls."""
        names: dict[str, set[str]] = {"load": set(), "store": set(), "param": set()}
        for name in node.find_all(nodes.Name):
            names[name.ctx].add(name.name)
        made = names["store"] | names["param"] | {macro.name for macro in node.find_all(nodes.Macro)} | _imported(node)
        free = sorted(names["load"] - made - NEVER_FREE)
        node.body.insert(0, nodes.ExprStmt(nodes.Tuple([nodes.Name(name, "load") for name in free], "load"), lineno=1))

    def visit_Macro(self, node: nodes.Macro, frame: Frame) -> None:
        """Write a slot as a plain function of its arguments, which are always given; any other macro as usual."""
        if node.name != SLOT:
            super().visit_Macro(node, frame)
            return
        inner = frame.inner()
        inner.symbols.analyze_node(node)
        arguments = [inner.symbols.ref(one.name) for one in node.args]
        self.writeline(f"def slot({', '.join(arguments)}):", node)
        self.indent()
        self.enter_frame(inner)
        self.push_parameter_definitions(inner)
        for argument in arguments:
            self.mark_parameter_stored(argument)
        self._write_content(node.body, inner)
        self.leave_frame(inner, with_python_scope=True)
        self.pop_parameter_definitions()
        self.outdent()
        self.writeline(f"context.vars[{SLOT!r}] = slot")

    def _write_content(self, body: list[nodes.Node], frame: Frame) -> None:
        """Return the content. Most slots are one value, and that needs no list to join."""
        only = _only_value(body)
        if only is None:
            self.buffer(frame)
            self.blockvisit(body, frame)
            self.return_buffer_contents(frame, force_unescaped=True)
            return
        self.writeline("return ", only)
        self._output_child_pre(only, frame, None)
        self.visit(only, frame)
        self._output_child_post(only, frame, None)

    def write_commons(self) -> None:
        """Bind the output function once per call, because it is used for every value of every recipient."""
        super().write_commons()
        self.writeline("output = environment.output")
        self.writeline("recall = environment.recall")

    def _is_plain(self, node: nodes.Node) -> bool:
        """Tell whether `node` calls a known macro with all its arguments by position."""
        if not isinstance(node, nodes.Call) or not isinstance(node.node, nodes.Name):
            return False
        if node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
            return False
        return self._plain_macros.get(node.node.name) == len(node.args)

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002
        if self._is_plain(node):
            node.plain = True  # type: ignore[attr-defined]
        else:
            self.write("output(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002
        if not self._is_plain(node):
            self.write(")")

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:  # noqa: ARG002
        value = node.as_const(frame.eval_ctx)
        return str(value) if isinstance(node, nodes.TemplateData) else self.environment.constant(value)

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:
        """In slots, read data directly from the dicts; SlotRenderer explains the KeyError of a missing key."""
        base = node.node
        if not self.environment.direct or (isinstance(base, nodes.Name) and base.name in self._attributes_of):
            super().visit_Getattr(node, frame)
            return
        self.visit(base, frame)
        self.write(f"[{node.attr!r}]")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        """Call macros and functions directly, because Jinja's own dispatch costs more than most of them do."""
        if forward_caller or not isinstance(node.node, nodes.Name) or node.node.name in ("caller", "super"):
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        plain = getattr(node, "plain", False)
        recalled = plain and node.node.name in self._recalled
        self.write("recall(" if recalled else "")
        self.visit(node.node, frame)
        self.write("._func" if plain else "")
        self.write("" if recalled else "(")
        outside, self.stream = self.stream, StringIO()
        self.signature(node, frame)
        arguments, self.stream = self.stream.getvalue(), outside
        self.write(f"{arguments if recalled else arguments.removeprefix(', ')})")


def _only_value(body: list[nodes.Node]) -> nodes.Expr | None:
    """Return the value if it is the whole content of a slot, else None."""
    if len(body) != 1 or not isinstance(body[0], nodes.Output) or len(body[0].nodes) != 1:
        return None
    only = body[0].nodes[0]
    return None if isinstance(only, nodes.TemplateData) else only


def _imported(node: nodes.Template) -> set[str]:
    """Return the names under which a file uses what it imports."""
    whole = {one.target for one in node.find_all(nodes.Import)}
    single = [name for one in node.find_all(nodes.FromImport) for name in one.names]
    return whole | {name if isinstance(name, str) else name[1] for name in single}


class MailEnvironment(Environment):
    """One part (html or text) of one shell; the shared variables are its globals.

    `mark` is the random part of the shell's tokens; None renders slots in place (the whole mail at once).
    `direct` compiles for speed: a missing variable raises KeyError instead of becoming Jinja's undefined.
    """

    code_generator_class = MailCodeGenerator
    recall = staticmethod(recall)

    def __init__(
        self,
        folder: Path | Texts,
        part: str,
        shared: Mapping[str, Any],
        mark: str | None,
        direct: bool = False,
    ) -> None:
        super().__init__(
            loader=texts_in(folder).loader(), undefined=StrictUndefined, autoescape=True, auto_reload=False,
            trim_blocks=True, lstrip_blocks=True, extensions=[SlotExtension],
            bytecode_cache=_bytecode(part, direct), cache_size=-1,
        )  # fmt: skip
        self.part = part
        self.mark = mark
        self.direct = direct
        self.used: dict[str, str] = {}
        self.plain_macros: dict[str, int] = {}
        writer = html_writer if part == "html" else text_writer
        self.output: Callable[[Any], str] = writer(str(shared.get("dir", "ltr")))
        self.constant: Callable[[Any], str] = html_value if part == "html" else text_value
        self.filters |= {"web_url": web_url, **casing_filters(str(shared.get("language", "en")))}
        self.globals = {**SAFE_GLOBALS, **shared}

    def part_of(self, name: str) -> str:
        """Return the letter of the part that a template file belongs to."""
        return "s" if name.endswith("subject.txt") else self.part[0]

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Look up a name as a key first: `context.items` is the list of items, not the method of dict."""
        try:
            return obj[attribute]
        except KeyError:
            return self.undefined(obj=obj, name=attribute)
        except (TypeError, AttributeError, LookupError):
            return super().getattr(obj, attribute)


class SlotKey(NamedTuple):
    """A slot of a text: two slots with the same key have the same code."""

    file: str
    text: str
    name: str
    line: int


KEPT = 1_024
"""Compiled files, and compiled slots, that a process keeps at most (some kB each)."""
_SLOTS: dict[tuple[str, bool, SlotKey, frozenset[tuple[str, int]]], CodeType] = {}
SAFE_GLOBALS: dict[str, Any] = {"range": range, "namespace": Environment().globals["namespace"]}


def _keep(kept: dict[Any, Any], key: tuple[Any, ...], code: Any) -> None:
    if len(kept) >= KEPT:
        kept.clear()
    kept[key] = code


class MemoryBytecode(BytecodeCache):
    """Keeps compiled templates for the life of the process.

    Every shell has an environment of its own, and every definition a library of its own; their texts are mostly the
    same. What is kept is found by its text too, so a changed file is compiled again.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill `bucket` if its template was compiled before."""
        if (bucket.key, bucket.checksum) in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key, bucket.checksum])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Remember a compiled template."""
        _keep(self._kept, (bucket.key, bucket.checksum), bucket.bytecode_to_string())


@cache
def _bytecode(part: str, is_direct: bool) -> MemoryBytecode:  # noqa: ARG001  (each kind of code has its own)
    return MemoryBytecode()


def compile_slot(
    env: MailEnvironment, slot: SlotKey, body: list[nodes.Node], macros: Mapping[str, Any]
) -> tuple[WriteSlot, Template]:
    """Compile a slot's content to a function; line numbers stay those of the slot's file.

    What all recipients share (the environment's globals and `macros`) is looked up here, once per shell. The code is
    the same for all shells, so it is kept.
    """
    env.plain_macros = {name: len(one.arguments) for name, one in macros.items() if _is_plain_macro(one)}
    key = (env.part, env.direct, slot, frozenset(env.plain_macros.items()))
    code = _SLOTS.get(key)
    if code is None:
        code = _slot_code(env, body, slot.file)
        _keep(_SLOTS, key, code)
    env.plain_macros = {}
    template = Template.from_code(env, code, {**env.globals, **macros})
    scope = template.new_context()
    for _ in template.root_render_func(scope):
        pass
    return scope.vars[SLOT], template


def _slot_code(env: MailEnvironment, body: list[nodes.Node], filename: str) -> CodeType:
    arguments = [nodes.Name(name, "param") for name in SLOT_ARGUMENTS]
    tree = nodes.Template([nodes.Macro(SLOT, arguments, [], body, lineno=1)], lineno=1)
    tree.set_environment(env)
    try:
        return env.compile(tree, filename, filename)
    finally:
        tree.set_environment(None)  # type: ignore[arg-type]  # parsed texts are kept longer than environments


def _is_plain_macro(value: Any) -> bool:
    return isinstance(value, Macro) and not (value.catch_kwargs or value.catch_varargs or value.caller)
