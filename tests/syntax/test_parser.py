"""What the parser makes of specs: the examples, every construct, and where each node stands in its text."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netdsl.limits import Limits
from netdsl.syntax import tree
from netdsl.syntax.parser import parse, parse_expression
from netdsl.text import Source, SpecSyntaxError, read_source
from tests.syntax.trees import children, drawn, nodes, structure

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
SPECS = [*sorted((HERE / "data").glob("*.net")), *sorted((HERE / "data/examples").glob("*.net"))]
NAMES = [path.stem for path in SPECS]


EXPRESSIONS = (
    *(tree.Number, tree.Size, tree.Text, tree.Constant, tree.Name, tree.Computed, tree.Sequence, tree.Comprehension),
    *(tree.Unary, tree.Binary, tree.Conditional, tree.Attribute, tree.Member, tree.Index, tree.Slice, tree.Call),
)


def parsed(text: str) -> tree.File:
    return parse(Source("test.net", text))


def value(text: str) -> str:
    """An expression, drawn."""
    return drawn(parse_expression(Source("test", text)))


# --- Whole specs


@pytest.mark.parametrize("path", SPECS, ids=NAMES)
def test_every_node_stands_in_its_parent(path: Path) -> None:
    source = read_source(path)
    file = parse(source)
    assert file.span == (source, 0, len(source.text))
    for node in nodes(file):
        assert node.span.source is source
        for child in children(node):
            assert node.span.start <= child.span.start < child.span.end <= node.span.end, (node, child)
        for name in ("head_span", "name_span", "args_span"):
            inner = getattr(node, name, None)
            if inner is not None:
                assert node.span.start <= inner.start < inner.end <= node.span.end


@pytest.mark.parametrize("path", SPECS, ids=NAMES)
def test_what_stands_at_a_place_parses_to_the_node_there(path: Path) -> None:
    file = parse(read_source(path))
    for node in nodes(file):
        if isinstance(node, EXPRESSIONS):
            if node.span.text == "repeat":
                continue  # a label, which is a keyword elsewhere
            again = parse_expression(Source("again", f"({node.span.text})"))
            assert structure(again) == structure(node), node.span.text
        elif isinstance(node, tree.BlockDef | tree.NetDef | tree.ModelDef | tree.Use | tree.Let | tree.Default):
            (statement,) = parsed(node.span.text).statements
            # Its documentation stands above it.
            assert _without_doc(structure(statement)) == _without_doc(structure(node)), node.span.text
        elif isinstance(node, tree.Labelled | tree.Combine | tree.Group | tree.If | tree.For | tree.Repeat | tree.Flow):
            (block,) = parsed(f"block Test() {{\n{node.span.text}\n}}").statements
            assert isinstance(block, tree.BlockDef)
            assert isinstance(block.body, tree.Body)
            (flow,) = block.body.statements
            assert isinstance(flow, tree.Flow)
            stage = flow if isinstance(node, tree.Flow) else flow.pipeline.stages[0]
            assert structure(stage) == structure(node), node.span.text


def _without_doc(parts: tuple[object, ...]) -> tuple[object, ...]:
    return parts[:-1] if parts[0] in ("BlockDef", "NetDef", "ModelDef") else parts


def test_every_construct(golden: Callable[[Path, str], None]) -> None:
    file = parse(read_source(HERE / "data/constructs.net"))
    lines = [drawn(file.doc)]
    lines += [f"{comment.span.line}{'' if comment.own_line else '+'} {comment.span.text}" for comment in file.comments]
    _draw(file.statements, lines, "")
    golden(HERE / "golden/constructs.txt", "\n".join(lines) + "\n")


def _draw(statements: tuple[tree.Statement, ...], lines: list[str], indent: str) -> None:
    for statement in statements:
        body = getattr(statement, "body", None)
        if isinstance(body, tree.Body):
            statement.body = None  # type: ignore[union-attr]  # it is drawn below
        lines.append(indent + drawn(statement))
        if isinstance(body, tree.Body):
            _draw(body.statements, lines, indent + "    ")


def test_every_kind_of_node_is_in_the_constructs() -> None:
    found = {type(node) for node in nodes(parse(read_source(HERE / "data/constructs.net")))}
    assert {
        each for each in vars(tree).values() if isinstance(each, type) and each.__module__ == tree.__name__
    } == found


# --- What is easily got wrong


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("-2**2", "{Unary '-' {Binary '**' 2 2}}"),
        ("2**-3**2", "{Binary '**' 2 {Unary '-' {Binary '**' 3 2}}}"),
        ("1 - 2 - 3", "{Binary '-' {Binary '-' 1 2} 3}"),
        ("not a == b", "{Unary 'not' {Binary '==' a b}}"),
        ("a or b and c", "{Binary 'or' a {Binary 'and' b c}}"),
        ("3x3/2", "{Binary '/' {Size (3 3)} 2}"),
        ("3x3/1x2", "{Binary '/' {Size (3 3)} {Size (1 2)}}"),
        ("0x3", "{Size (0 3)}"),
        ("1_000", "1000"),
        ("1.6G", "1600000000"),
        ("2.5K", "2500"),
        ("1e-4", "0.0001"),
        ("(1)", "1"),
        ("(1,)", "{Sequence (1)}"),
        ("()", "{Sequence ()}"),
        ("in in in", "{Binary 'in' in in}"),
        ("x not in in.shape", "{Binary 'not in' x {Attribute in 'shape'}}"),
        ("[in for in_ in in]", "{Comprehension in {NamePattern in_} in -}"),
        ("a[1][2].b(3)", "{Call {Attribute {Index {Index a (1)} (2)} 'b'} ({Argument - 3})}"),
        ("weight", "weight"),
        ("f(a -> b, c = d() -> e)", None),
    ],
)
def test_expression(text: str, tree: str | None) -> None:
    if tree is not None:
        assert value(text) == tree
    else:
        stages = "{Pipeline (a b)}", "{Pipeline ({Call d ()} e)}"
        assert value(text) == f"{{Call f ({{Argument - {stages[0]}}} {{Argument 'c' {stages[1]}}})}}"


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        ("a()\nb()", 2),
        ("a(); b();", 2),
        ("a()\n-> b()\n\n# between\n\n-> c()", 1),
        ("a() ->\n\nb()", 1),
        ("a()\n=> 3", 1),
        ("a() =>\n3", 1),
        ("x =\na()", 1),
        ("if a { b() }\n\nelse { c() }", 1),
        ("a(1,\n2\n,\n3\n)", 1),
        ("let x = 1 +\n2\nlet y = (1\n+ 2)", 2),
        ("a()\n(b, c) = d()", 2),
        ("a()\n[b] -> d()", 2),
        ("a()\n{ b() }", 2),
        ("\n\n\na()\n\n\n", 1),
        ("a() # b()", 1),
        ("a() # ->\nb()", 2),
        ("a()\r\nb()\r\n".replace("\r\n", "\n"), 2),
        ("output: a()\noutput output = b()\noutput = c()", 3),
        ("repeat: a()\nrepeat 3 { b() }", 2),
        ("train output weight = a() weight 0.3", 1),
    ],
)
def test_where_statements_end(lines: str, count: int) -> None:
    (block,) = parsed(f"block B() {{\n{lines}\n}}").statements
    assert isinstance(block, tree.BlockDef)
    assert isinstance(block.body, tree.Body)
    assert len(block.body.statements) == count


def test_documentation_belongs_to_what_follows_directly() -> None:
    file = parsed(
        "# head\n# line 2\n\n## lost\n\n## one\n##  two\nblock B() { }\n## net\nnet N() { }\n# no\nmodel n = N()\n"
    )
    assert file.doc == "head\nline 2"
    assert [getattr(each, "doc") for each in file.statements] == ["one\n two", "net", ""]  # noqa: B009


def test_an_empty_file_is_a_file() -> None:
    for text in ("", "\n", "  ", "# only a comment", "\n\n# a\n\n"):
        assert parsed(text).statements == ()


# --- Time and limits


def test_parsing_is_linear_in_size() -> None:
    text = (HERE / "data/examples/googlenet.net").read_text(encoding="utf-8")
    small, large = _seconds(text * 5), _seconds(text * 50)
    assert large < 25 * small


def _seconds(text: str) -> float:
    source = Source("test.net", text)
    limits = Limits(file_size=2**24)
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        parse(source, limits)
        best = min(best, time.process_time() - start)
    return best


def test_the_limits_hold_exactly() -> None:
    limits = Limits(nesting=5, expression_depth=4, integer_digits=3)

    def fits(text: str) -> bool:
        try:
            parse_expression(Source("test", text), limits)
        except SpecSyntaxError as error:
            return {str(each.code) for each in error} != {"E0901"}
        return True

    assert fits("999")
    assert not fits("1000")
    assert not fits("1x1000")
    assert fits("(((((1)))))")
    assert not fits("((((((1))))))")
    assert fits("1 + 2 + 3 + 4 + 5")
    assert not fits("1 + 2 + 3 + 4 + 5 + 6")
    assert fits("f(f(f(f(1))))")
    assert not fits("f(f(f(f(f(1)))))")
    assert fits("a.b.c.d.e")
    assert not fits("a.b.c.d.e.f")
    assert fits("----1")
    assert not fits("-----1")
