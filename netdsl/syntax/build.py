"""Parse actions: each makes a tree node of the values of a rule's symbols, while the parse runs.

A method stands for the rule, or the alternative, of its name in grammar.lark. What it gets for a terminal is a Token
(terminal, start, end, text), for anything else what the action before it gave. Forms that the grammar lets pass, but
that mean nothing, are found in forms.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netdsl.syntax import forms
from netdsl.syntax.numerals import Fault, read_number, read_size
from netdsl.syntax.tree import (
    Argument,
    Arm,
    Attribute,
    Binary,
    Bind,
    BlockDef,
    Body,
    Call,
    Combine,
    Comment,
    Comprehension,
    Computed,
    Conditional,
    Constant,
    Default,
    Expect,
    Expr,
    File,
    Flow,
    For,
    Group,
    If,
    Index,
    Init,
    Input,
    Labelled,
    Let,
    Member,
    ModelDef,
    Name,
    NetDef,
    Number,
    Output,
    Param,
    Parameter,
    Pipeline,
    Repeat,
    Sequence,
    Size,
    Slice,
    Statement,
    Table,
    Text,
    Unary,
    Use,
)
from netdsl.text.codes import LIMIT, SYNTAX
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from netdsl.limits import Limits
    from netdsl.syntax.lexer import Lexer

MOST_REPORTED = 100
"""Findings of a parse that are told; the next one is kept too, and tells that there are more."""

Values = list[Any]
_CONSTANTS = {"true": True, "false": False, "none": None}


class Builder:
    """The actions of one parse. They report what they find, and the statement in which they did is left out."""

    def __init__(
        self, source: Source, limits: Limits, lexer: Lexer, parse_part: Callable[[int, int], Expr | None]
    ) -> None:
        self.source = source
        self.limits = limits
        self.lexer = lexer
        self.parse_part = parse_part
        self.found: list[Diagnostic] = []
        self.broken = -1
        """Where the last error is that belongs to a statement not yet complete."""
        self.depths: dict[int, int] = {}
        """By id: how many operators, calls and indices stand inside each other in an expression."""
        self.few_digits = min(9, limits.integer_digits)
        self.kept: list[object] = []
        """Keeps alive what has a depth, lest an id be used again."""

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def report(self, diagnostic: Diagnostic) -> None:
        if len(self.found) <= MOST_REPORTED:
            self.found.append(diagnostic)
        self.broken = max(self.broken, diagnostic.span.start)

    def _nested(self, node: Any, *inside: object) -> Any:
        """The node, unless expressions stand too deep inside each other in it."""
        depths = self.depths
        depth = 1
        for each in inside:
            below = depths.get(id(each), 0)
            if below >= depth:
                depth = below + 1
        if depth > self.limits.expression_depth:
            self._too_deep(node)
            # What is built further out starts anew, so walkers of the tree are safe.
            return Name(node.span, "_")
        depths[id(node)] = depth
        self.kept.append(node)
        return node

    def _too_deep(self, node: Any) -> None:
        if self.broken < node.span.start:
            limits = self.limits
            message = "an expression is nested too deep"
            place = self.span(node.span.start, min(node.span.end, node.span.start + 1))
            self.report(
                Diagnostic(
                    LIMIT,
                    message,
                    place,
                    limits.rule("expression_depth"),
                    help="name parts of it with `let`; " + limits.way_out("expression_depth"),
                )
            )

    # --- Lists of symbols

    def first(self, values: Values) -> Values:
        return values

    def next(self, values: Values) -> Values:
        items: Values = values[0]
        items.append(values[2])
        return items

    use_first = first
    use_next = next

    def chain_first(self, values: Values) -> Values:
        return [forms.stage(self, values[0]), forms.stage(self, values[2])]

    def pipeline_first(self, values: Values) -> Values:
        forms.stage(self, values[0])
        return values

    def pipeline_next(self, values: Values) -> Values:
        stages: Values = values[0]
        stages.append(forms.stage(self, values[2]))
        return stages

    def statement_first(self, values: Values) -> Values:
        return values if self._sound(values[0]) else []

    def statement_next(self, values: Values) -> Values:
        statements: Values = values[0]
        if self._sound(values[2]):
            statements.append(values[2])
        return statements

    def _sound(self, statement: Statement) -> bool:
        if self.broken < statement.span.start:
            return True
        self.broken = -1
        return False

    def _pipeline(self, stages: Values) -> Pipeline:
        return Pipeline(Span(self.source, stages[0].span[1], stages[-1].span[2]), tuple(stages))

    # --- File and definitions

    def file(self, values: Values) -> File:
        statements = forms.at_file_level(self, values[0] if values else [])
        comments = tuple(Comment(self.span(start, end), own) for start, end, own in self.lexer.comments)
        return File(self.span(0, len(self.source.text)), statements, forms.head(comments), comments)

    def expression(self, values: Values) -> Expr:
        expr: Expr = values[0]
        return expr

    def block(self, values: Values) -> BlockDef:
        (_, start, _, _), (_, name_start, name_end, name), (parameters, head_end), body = values
        span, head = self.span(start, body.span.end), self.span(start, head_end)
        doc = forms.doc_above(self, start)
        return BlockDef(span, name, self.span(name_start, name_end), parameters, body, doc, head)

    def block_pipeline(self, values: Values) -> BlockDef:
        return self.block([*values[:3], self._pipeline(values[4])])

    def net(self, values: Values) -> NetDef:
        (_, start, _, _), (_, name_start, name_end, name), (parameters, head_end), body = values
        span, head = self.span(start, body.span.end), self.span(start, head_end)
        doc = forms.doc_above(self, start)
        return NetDef(span, name, self.span(name_start, name_end), parameters, body, doc, head)

    def model(self, values: Values) -> ModelDef:
        (_, start, _, _), (_, name_start, name_end, name), _, call, *rest = values
        body: Body | None = rest[0] if rest else None
        forms.model(self, call, body)
        span = self.span(start, (body or call).span.end)
        return ModelDef(span, name, self.span(name_start, name_end), call, body, forms.doc_above(self, start))

    def parameters(self, values: Values) -> tuple[tuple[Parameter, ...], int]:
        return (tuple(values[1]) if len(values) > 2 else ()), values[-1][2]

    def parameter(self, values: Values) -> Parameter:
        _, start, end, name = values[0]
        span = self.span(start, end)
        return Parameter(span, name, span, False, None)

    def parameter_default(self, values: Values) -> Parameter:
        (_, start, end, name), _, default = values
        return Parameter(self.span(start, default.span[2]), name, self.span(start, end), False, default)

    def parameter_kind(self, values: Values) -> Parameter:
        (_, start, end, name), _, kind, *rest = values
        if kind[3] != "tensor":
            span = self.span(kind[1], kind[2])
            help = f"`{name}: tensor` is a further input; a default is written `{name} = …`"
            self.report(Diagnostic(SYNTAX, f"expected `tensor`, found `{kind[3]}`", span, help=help))
        default: Expr | None = rest[1] if rest else None
        if default is not None and not (isinstance(default, Constant) and default.value is None):
            help = f"a tensor that may be left out is written `{name}: tensor = none`"
            self.report(Diagnostic(SYNTAX, "a tensor has no default but `none`", default.span, help=help))
        last = kind[2] if default is None else default.span.end
        return Parameter(self.span(start, last), name, self.span(start, end), True, default)

    def use(self, values: Values) -> Use:
        (_, start, _, _), source, (names, end) = values
        return Use(self.span(start, end), source, names)

    def use_names(self, values: Values) -> tuple[tuple[Name, ...], int]:
        return tuple(Name(self.span(start, end), name) for _, start, end, name in values[1]), values[-1][2]

    # --- Statements

    def body(self, values: Values) -> Body:
        statements = forms.in_body(self, values[1]) if len(values) == 3 else ()
        return Body(self.span(values[0][1], values[-1][2]), statements)

    def tail(self, values: Values) -> tuple[str, Expr]:
        return values[0][0], values[1]

    def flow(self, values: Values) -> Flow:
        pipeline = self._pipeline(values[0])
        if len(values) == 1:
            return Flow(pipeline.span, pipeline, None)
        contract = values[1][1]
        return Flow(Span(self.source, pipeline.span[1], contract.span[2]), pipeline, contract)

    def bind(self, values: Values) -> Bind:
        target, _, stages, *tails = values
        pipeline = self._pipeline(stages)
        contract = tails[0][1] if tails else None
        span = self.span(target.span[1], (contract or pipeline).span[2])
        return Bind(span, forms.pattern(self, target, forms.VALUE), pipeline, contract)

    def result(self, values: Values) -> Output:
        (_, start, _, _), name, _, stages, *tails = values
        forms.named(self, name, forms.VALUE, "an output")
        pipeline = self._pipeline(stages)
        parts = dict(tails)
        end = max(each.span[2] for each in (pipeline, *parts.values()))
        return Output(self.span(start, end), False, name, pipeline, parts.get("WEIGHT"), parts.get("PROMISE"))

    def output(self, values: Values) -> Output:
        output: Output = values[0]
        forms.weight_without_train(self, output)
        return output

    def output_train(self, values: Values) -> Output:
        start = values[0][1]
        output: Output = values[1]
        output.train = True
        output.span = self.span(start, output.span.end)
        return output

    def input(self, values: Values) -> Input:
        (_, start, _, _), name, _, shape, *rest = values
        forms.named(self, name, forms.VALUE, "an input")
        forms.bound_without_int(self, shape)
        bound = rest[2] if len(rest) == 3 else None
        end = bound.span[2] if bound else rest[0][2] if rest else shape.span[2]
        return Input(self.span(start, end), name, shape, "int" if rest else None, bound)

    def let(self, values: Values) -> Let:
        (_, start, _, _), target, _, value = values
        return Let(self.span(start, value.span[2]), forms.pattern(self, target, forms.PLAIN), value)

    def default(self, values: Values) -> Default:
        (_, start, _, _), call = values
        forms.called(self, call, "`default` takes an operator with arguments", "`default conv(padding = same)`")
        return Default(self.span(start, call.span[2]), call)

    def init(self, values: Values) -> Init:
        (_, start, _, _), target, *rest = values
        value = rest[1] if rest else None
        forms.init(self, target, value)
        return Init(self.span(start, (value or target).span[2]), target, value)

    def param(self, values: Values) -> Param:
        (_, start, _, _), name, _, shape, *rest = values
        forms.named(self, name, forms.PART, "a param")
        init = rest[1] if rest else None
        return Param(self.span(start, (init or shape).span[2]), name, shape, init)

    def table(self, values: Values) -> Table:
        (_, start, _, kind), target, _, shape, _, formula = values
        name, indices = forms.table_head(self, target, kind)
        return Table(self.span(start, formula.span[2]), kind, name, indices, shape, formula)

    def unused(self, values: Values) -> Param | Table:
        start = values[0][1]
        declared: Param | Table = values[1]
        declared.unused = True
        declared.span = self.span(start, declared.span.end)
        return declared

    def expect(self, values: Values) -> Expect:
        (_, start, _, _), test = values
        return Expect(self.span(start, test.span[2]), test)

    # --- Stages

    def labelled(self, values: Values) -> Labelled:
        label, _, stage = values
        forms.named(self, label, forms.PART, "a label")
        forms.stage(self, stage)
        return Labelled(Span(self.source, label.span[1], stage.span[2]), label, stage)

    def combine(self, values: Values) -> Combine:
        head, body = values
        span = self.span(head.span[1], body.span[2])
        name, args = forms.combine_head(self, head)
        return Combine(span, name.id, name.span, args, body, head.span)

    def group(self, values: Values) -> Group:
        return Group(values[0].span, values[0])

    def if_(self, values: Values) -> If:
        arms: list[Arm] = values[0]
        return If(self.span(arms[0].span[1], arms[-1].span[2]), tuple(arms))

    def if_else(self, values: Values) -> If:
        arms, (_, start, end, _), body = values
        arms.append(Arm(self.span(start, body.span[2]), None, body, self.span(start, end)))
        return self.if_([arms])

    def if_first(self, values: Values) -> list[Arm]:
        (_, start, _, _), test, body = values
        return [Arm(self.span(start, body.span[2]), test, body, self.span(start, test.span[2]))]

    def if_next(self, values: Values) -> list[Arm]:
        arms: list[Arm] = values[0]
        arms += self.if_first([values[1], *values[3:]])
        return arms

    def for_(self, values: Values) -> For:
        (_, start, _, _), target, _, iterable, body = values
        pattern = forms.pattern(self, target, forms.PLAIN)
        return For(self.span(start, body.span[2]), pattern, iterable, body, self.span(start, iterable.span[2]))

    def repeat(self, values: Values) -> Repeat:
        (_, start, _, _), count, body = values
        return Repeat(self.span(start, body.span[2]), count, body, self.span(start, count.span[2]))

    # --- Expressions

    def conditional(self, values: Values) -> Any:
        then, _, test, _, otherwise = values
        node = Conditional(Span(self.source, then.span[1], otherwise.span[2]), test, then, otherwise)
        return self._nested(node, then, test, otherwise)

    def binary(self, values: Values) -> Any:
        left, operator, right = values
        node = Binary(Span(self.source, left.span[1], right.span[2]), operator[3], left, right)
        return self._nested(node, left, right)

    def unary(self, values: Values) -> Any:
        (_, start, _, operator), operand = values
        return self._nested(Unary(Span(self.source, start, operand.span[2]), operator, operand), operand)

    def number(self, values: Values) -> Number:
        _, start, end, text = values[0]
        span = Span(self.source, start, end)
        # The common case first: a few digits.
        if len(text) <= self.few_digits and text.isdecimal() and (text[0] != "0" or len(text) == 1):
            return Number(span, int(text))
        value = read_number(text, self.limits)
        if isinstance(value, Fault):
            self._fault(span, value)
            value = 0
        return Number(span, value)

    def size(self, values: Values) -> Size:
        _, start, end, text = values[0]
        span = Span(self.source, start, end)
        sizes = read_size(text, self.limits)
        if isinstance(sizes, Fault):
            self._fault(span, sizes)
            sizes = (0, 0)
        return Size(span, sizes)

    def _fault(self, span: Span, fault: Fault) -> None:
        self.report(Diagnostic(fault.code, fault.message, span, fault.label, help=fault.help))

    def text(self, values: Values) -> Text:
        _, start, end, text = values[0]
        return Text(Span(self.source, start, end), text[1:-1] if text[-1] == text[0] and len(text) > 1 else text[1:])

    def constant(self, values: Values) -> Constant:
        _, start, end, text = values[0]
        return Constant(Span(self.source, start, end), _CONSTANTS[text])

    def name(self, values: Values) -> Name:
        _, start, end, text = values[0]
        return Name(Span(self.source, start, end), text)

    def computed(self, values: Values) -> Any:
        _, start, end, text = values[0]
        parts: list[str | Expr] = []
        inside: list[Expr] = []
        at = 0
        while (brace := text.find("{", at)) >= 0:
            closing = text.index("}", brace)
            part = self.parse_part(start + brace + 1, start + closing)
            if part is None:  # reported
                return Name(self.span(start, end), "_")
            parts += [text[at:brace], part]
            inside.append(part)
            at = closing + 1
        if at < len(text):
            parts.append(text[at:])
        return self._nested(Computed(self.span(start, end), tuple(parts)), *inside)

    def attribute(self, values: Values) -> Any:
        base, _, (_, start, end, name) = values
        node = Attribute(Span(self.source, base.span[1], end), base, name, Span(self.source, start, end))
        return self._nested(node, base)

    def member(self, values: Values) -> Any:
        base, _, token = values
        name = self.computed([token])
        if isinstance(name, Name):  # reported
            return name
        return self._nested(Member(Span(self.source, base.span[1], token[2]), base, name), base, name)

    def subscripted(self, values: Values) -> Any:
        base, _, part, closing = values
        span = Span(self.source, base.span[1], closing[2])
        if isinstance(part, list):
            return self._nested(Index(span, base, tuple(part)), base, *part)
        return self._nested(Slice(span, base, *part), base, *part)

    def subscript(self, values: Values) -> Values:
        items: Values = values[0]
        return items

    def slice_all(self, values: Values) -> tuple[None, None]:
        return None, None

    def slice_from(self, values: Values) -> tuple[Expr, None]:
        return values[0], None

    def slice_to(self, values: Values) -> tuple[None, Expr]:
        return None, values[1]

    def slice_both(self, values: Values) -> tuple[Expr, Expr]:
        return values[0], values[2]

    def sequence(self, values: Values) -> Any:
        items = tuple(values[1]) if len(values) > 2 else ()
        return self._nested(Sequence(Span(self.source, values[0][1], values[-1][2]), items), *items)

    def parentheses(self, values: Values) -> Any:
        (_, start, _, _), items, (_, _, end, _) = values
        if len(items) > 1:
            return self.sequence(values)
        # The expression itself; its place takes in the parentheses, so that what is around it has its place too.
        items[0].span = Span(self.source, start, end)
        return items[0]

    def comprehension(self, values: Values) -> Any:
        opening, element, _, target, _, iterable, *rest = values
        condition = rest[1] if len(rest) == 3 else None
        span = self.span(opening[1], rest[-1][2])
        pattern = forms.pattern(self, target, forms.PLAIN)
        return self._nested(Comprehension(span, element, pattern, iterable, condition), element, iterable, condition)

    def call(self, values: Values) -> Any:
        function, (args, args_span) = values
        node = Call(Span(self.source, function.span[1], args_span[2]), function, args, args_span)
        return self._nested(node, function, *[arg.value for arg in args])

    def arguments(self, values: Values) -> tuple[tuple[Argument, ...], Span]:
        span = Span(self.source, values[0][1], values[-1][2])
        return (tuple(values[1]) if len(values) > 2 else ()), span

    def argument(self, values: Values) -> Argument:
        value = values[0]
        return Argument(value.span, None, None, value)

    def argument_named(self, values: Values) -> Argument:
        (_, start, end, name), _, value = values
        source = self.source
        return Argument(Span(source, start, value.span[2]), name, Span(source, start, end), value)

    def value_pipeline(self, values: Values) -> Any:
        stages = values[0]
        return self._nested(self._pipeline(stages), *stages)
