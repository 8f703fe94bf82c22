"""Parse actions of definitions, statements and stages, on top of those of expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from netdsl.limits import Limits
from netdsl.syntax.parse import forms
from netdsl.syntax.parse.expressions import ExpressionActions, Values
from netdsl.syntax.tree import (
    Arm,
    Bind,
    BlockDef,
    Body,
    Combine,
    Comment,
    Constant,
    Default,
    Expect,
    Expr,
    File,
    Flow,
    For,
    Group,
    If,
    Init,
    Input,
    Labelled,
    Let,
    ModelDef,
    Name,
    NetDef,
    Output,
    Param,
    Parameter,
    Repeat,
    Statement,
    Table,
    Use,
)
from netdsl.text.codes import SYNTAX
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.source import Source, Span

if TYPE_CHECKING:
    from netdsl.syntax.parse.lexer import Lexer


class Builder(ExpressionActions):
    """The actions of one parse. They report what they find, and the statement in which they did is left out."""

    def __init__(
        self, source: Source, limits: Limits, lexer: Lexer, parse_part: Callable[[int, int], Expr | None]
    ) -> None:
        super().__init__(source, limits, parse_part)
        self.lexer = lexer

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

    def _doc_above(self, start: int) -> str:
        return forms.doc_above(self.source.text, self.lexer.comments, start)

    # --- File and definitions

    def file(self, values: Values) -> File:
        statements = forms.at_file_level(self, values[0] if values else [])
        comments = tuple(Comment(self.span(start, end), own) for start, end, own in self.lexer.comments)
        return File(self.span(0, len(self.source.text)), statements, forms.head(comments), comments)

    def block(self, values: Values) -> BlockDef:
        (_, start, _, _), (_, name_start, name_end, name), (parameters, head_end), body = values
        span, head = self.span(start, body.span.end), self.span(start, head_end)
        doc = self._doc_above(start)
        return BlockDef(span, name, self.span(name_start, name_end), parameters, body, doc, head)

    def block_pipeline(self, values: Values) -> BlockDef:
        return self.block([*values[:3], self._pipeline(values[4])])

    def net(self, values: Values) -> NetDef:
        (_, start, _, _), (_, name_start, name_end, name), (parameters, head_end), body = values
        span, head = self.span(start, body.span.end), self.span(start, head_end)
        doc = self._doc_above(start)
        return NetDef(span, name, self.span(name_start, name_end), parameters, body, doc, head)

    def model(self, values: Values) -> ModelDef:
        (_, start, _, _), (_, name_start, name_end, name), _, call, *rest = values
        body: Body | None = rest[0] if rest else None
        forms.model(self, call, body)
        span = self.span(start, (body or call).span.end)
        return ModelDef(
            span,
            name,
            self.span(name_start, name_end),
            call,
            body,
            self._doc_above(start),
        )

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
        end = max(part.span[2] for part in (pipeline, *parts.values()))
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
