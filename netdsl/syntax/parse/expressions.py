"""Parse actions of expressions: each makes a tree node of the values of a rule's symbols, while the parse runs.

A method stands for the rule, or the alternative, of its name in grammar.lark. What it gets for a terminal is a Token
(terminal, start, end, text), for anything else what the action before it gave. Forms that the grammar lets pass, but
that mean nothing, are found in forms.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from netdsl.limits import Limits
from netdsl.syntax.parse import forms
from netdsl.syntax.parse.numerals import Fault, read_number, read_size
from netdsl.syntax.parse.report import Report
from netdsl.syntax.tree import (
    Argument,
    Attribute,
    Binary,
    Call,
    Comprehension,
    Computed,
    Conditional,
    Constant,
    Expr,
    Index,
    Member,
    Name,
    Number,
    Pipeline,
    Sequence,
    Size,
    Slice,
    Text,
    Unary,
)
from netdsl.text.codes import LIMIT
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.source import Source, Span

Values: TypeAlias = list[Any]
_CONSTANTS = {"true": True, "false": False, "none": None}


class ExpressionActions(Report):
    """The actions of expressions. They report what they find."""

    def __init__(self, source: Source, limits: Limits, parse_part: Callable[[int, int], Expr | None]) -> None:
        super().__init__(source)
        self.limits = limits
        self.parse_part = parse_part
        self.depths: dict[int, int] = {}
        """By id: how many operators, calls and indices stand inside each other in an expression."""
        self.few_digits = min(9, limits.integer_digits)
        self.kept: list[object] = []
        """Keeps alive what has a depth, lest an id be used again."""

    def _nested(self, node: Any, *inside: object) -> Any:
        """The node, unless expressions stand too deep inside each other in it."""
        depths = self.depths
        depth = 1
        for part in inside:
            below = depths.get(id(part), 0)
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

    def first(self, values: Values) -> Values:
        return values

    def next(self, values: Values) -> Values:
        items: Values = values[0]
        items.append(values[2])
        return items

    use_first = first
    use_next = next

    def expression(self, values: Values) -> Expr:
        expr: Expr = values[0]
        return expr

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

    # --- Pipelines as values

    def chain_first(self, values: Values) -> Values:
        return [forms.stage(self, values[0]), forms.stage(self, values[2])]

    def pipeline_first(self, values: Values) -> Values:
        forms.stage(self, values[0])
        return values

    def pipeline_next(self, values: Values) -> Values:
        stages: Values = values[0]
        stages.append(forms.stage(self, values[2]))
        return stages

    def _pipeline(self, stages: Values) -> Pipeline:
        return Pipeline(Span(self.source, stages[0].span[1], stages[-1].span[2]), tuple(stages))
