"""The syntax tree: what a spec says, with the place of every part, and no name resolved.

Every node is a slotted dataclass, never changed after parsing, whose first field is its span; sequences are
tuples. Nodes compare by identity, since two equal texts at two places are two things.
(They are not `frozen=True` because that triples the cost of making one, and parsing makes thousands.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from netdsl.text.source import Span

# --- Expressions --------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Number:
    """`64`, `6_998_552`, `1e-4`, `1.6G` (suffixes K, M, G multiply by powers of 1000)."""

    span: Span
    value: int | float


@dataclass(slots=True, eq=False)
class Size:
    """`3x3`, `256x28x28`, `0x3`."""

    span: Span
    values: tuple[int, ...]


@dataclass(slots=True, eq=False)
class Text:
    """`"c h w -> (h w) c"`, without its quotes."""

    span: Span
    value: str


@dataclass(slots=True, eq=False)
class Constant:
    """`true`, `false` or `none`."""

    span: Span
    value: bool | None


@dataclass(slots=True, eq=False)
class Name:
    """A bare name: a value, a parameter, an operator's word."""

    span: Span
    id: str


@dataclass(slots=True, eq=False)
class Computed:
    """`layer{i + 1}`, `block{s}-{i}`: pieces of text and expressions in turn, the first piece a text (maybe empty)."""

    span: Span
    parts: tuple[str | Expr, ...]


@dataclass(slots=True, eq=False)
class Sequence:
    """`[a, b]` or `(a, b)`: a list. `(a)` is a itself and has no node."""

    span: Span
    items: tuple[Expr, ...]


@dataclass(slots=True, eq=False)
class Comprehension:
    """`[element for pattern in iterable if condition]`."""

    span: Span
    element: Expr
    pattern: Pattern
    iterable: Expr
    condition: Expr | None


@dataclass(slots=True, eq=False)
class Unary:
    """`-a`, `+a`, `not a`; `op` is the operator as written."""

    span: Span
    op: str
    operand: Expr


@dataclass(slots=True, eq=False)
class Binary:
    """Arithmetic, comparison, `and`, `or`, `in`, `not in`; `op` as written, `op_span` its place."""

    span: Span
    op: str
    left: Expr
    right: Expr


@dataclass(slots=True, eq=False)
class Conditional:
    """`then if test else otherwise`."""

    span: Span
    test: Expr
    then: Expr
    otherwise: Expr


@dataclass(slots=True, eq=False)
class Attribute:
    """`in.channels`, `transformer.wte`, `bn1.weight`."""

    span: Span
    base: Expr
    name: str
    name_span: Span


@dataclass(slots=True, eq=False)
class Member:
    """`body.layer{i + 1}`: a computed name under a prefix."""

    span: Span
    base: Expr
    name: Computed


@dataclass(slots=True, eq=False)
class Index:
    """`xs[0]`, `u[o, y, x]`."""

    span: Span
    base: Expr
    indices: tuple[Expr, ...]


@dataclass(slots=True, eq=False)
class Slice:
    """`xs[a:b]`, either end may be missing."""

    span: Span
    base: Expr
    start: Expr | None
    stop: Expr | None


@dataclass(slots=True, eq=False)
class Argument:
    """`value` or `name = value` in a call. `value` may be a Pipeline of two or more stages (`then = a() -> b()`)."""

    span: Span
    name: str | None
    name_span: Span | None
    value: Expr | Pipeline


@dataclass(slots=True, eq=False)
class Call:
    """`conv(64, 7x7/2)`, in an expression or as a stage. `args_span` covers the parentheses."""

    span: Span
    function: Expr
    args: tuple[Argument, ...]
    args_span: Span


Expr: TypeAlias = (
    Number
    | Size
    | Text
    | Constant
    | Name
    | Computed
    | Sequence
    | Comprehension
    | Unary
    | Binary
    | Conditional
    | Attribute
    | Member
    | Index
    | Slice
    | Call
)


@dataclass(slots=True, eq=False)
class NamePattern:
    """A name that a pattern declares; `_` takes what is not needed. `target` is the whole left side, which for a
    value may be computed or indexed (`merged[i] = …`)."""

    span: Span
    target: Expr


@dataclass(slots=True, eq=False)
class TuplePattern:
    """`(i, (t, c))`."""

    span: Span
    items: tuple[Pattern, ...]


Pattern: TypeAlias = NamePattern | TuplePattern

# --- Stages -------------------------------------------------------------------------------------
# A stage is one of these or a Call (`relu()`), or a Name, Computed, Attribute, Member, Index (a value), or a Sequence
# (`[a, b] -> Fuse()`).


@dataclass(slots=True, eq=False)
class Labelled:
    """`name: stage`. The label is a Name, Computed, Attribute (`transformer.wte`), Member or Index (`down[i]`)."""

    span: Span
    label: Expr
    stage: Stage


@dataclass(slots=True, eq=False)
class Combine:
    """`concat { … }`, `concat(dim = 0) { … }`: `head_span` covers what stands before the brace."""

    span: Span
    name: str
    name_span: Span
    args: tuple[Argument, ...]
    body: Body
    head_span: Span


@dataclass(slots=True, eq=False)
class Group:
    """`{ … }`."""

    span: Span
    body: Body


@dataclass(slots=True, eq=False)
class Arm:
    """An `if` or `else if` with its test, or an `else` without; `head_span` covers what stands before the brace."""

    span: Span
    test: Expr | None
    body: Body
    head_span: Span


@dataclass(slots=True, eq=False)
class If:
    span: Span
    arms: tuple[Arm, ...]


@dataclass(slots=True, eq=False)
class For:
    span: Span
    pattern: Pattern
    iterable: Expr
    body: Body
    head_span: Span


@dataclass(slots=True, eq=False)
class Repeat:
    span: Span
    count: Expr
    body: Body
    head_span: Span


Stage: TypeAlias = (
    Call | Name | Computed | Attribute | Member | Index | Sequence | Labelled | Combine | Group | If | For | Repeat
)


@dataclass(slots=True, eq=False)
class Pipeline:
    """`a() -> b() -> c()`; never empty."""

    span: Span
    stages: tuple[Stage, ...]


# --- Statements ---------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Body:
    """The statements between two braces; the span includes the braces."""

    span: Span
    statements: tuple[Statement, ...]


@dataclass(slots=True, eq=False)
class Flow:
    """A pipeline as a statement, with the shape contract after it."""

    span: Span
    pipeline: Pipeline
    contract: Expr | None


@dataclass(slots=True, eq=False)
class Bind:
    """`z = a() -> b()`, `(q, k, v) = … -> chunk(3)`, `c[i] = …`: names a value, makes no part."""

    span: Span
    target: Pattern
    pipeline: Pipeline
    contract: Expr | None


@dataclass(slots=True, eq=False)
class Output:
    """`output n = …`, `train output n = … weight w`."""

    span: Span
    train: bool
    name: Expr
    pipeline: Pipeline
    weight: Expr | None
    contract: Expr | None


@dataclass(slots=True, eq=False)
class Input:
    """`input image: 3x224x224`, `input tokens: [length] int < vocab`; `kind` is None or "int"."""

    span: Span
    name: Expr
    shape: Expr
    kind: str | None
    bound: Expr | None


@dataclass(slots=True, eq=False)
class Let:
    """`let x = 1`, `let (a, b) = (1, 2)`."""

    span: Span
    target: Pattern
    value: Expr


@dataclass(slots=True, eq=False)
class Default:
    """`default conv(padding = same, then = relu())`."""

    span: Span
    call: Call


@dataclass(slots=True, eq=False)
class Init:
    """`init conv(weight = …)` has a Call as target and no value; `init fc.weight = normal(0.01)` a path and a value."""

    span: Span
    target: Expr
    value: Expr | None


@dataclass(slots=True, eq=False)
class Param:
    """`param name: [1, n, 768] init normal(0.02)`; the name may be a path (`qkv.weight`) or indexed. With `unused`
    before it nothing reads it."""

    span: Span
    name: Expr
    shape: Expr
    init: Expr | None
    unused: bool = False


@dataclass(slots=True, eq=False)
class Table:
    """`constant mask[i, j]: [n, n] = formula`, `buffer …`: `kind` is "constant" or "buffer"."""

    span: Span
    kind: str
    name: Expr
    indices: tuple[Name, ...]
    shape: Expr
    formula: Expr
    unused: bool = False


@dataclass(slots=True, eq=False)
class Expect:
    """`expect params == 6_998_552`."""

    span: Span
    test: Expr


@dataclass(slots=True, eq=False)
class Parameter:
    """`n1`, `stride = 1`, `skip: tensor`, `mask: tensor = none` in the head of a block or net."""

    span: Span
    name: str
    name_span: Span
    tensor: bool
    default: Expr | None


@dataclass(slots=True, eq=False)
class BlockDef:
    """`block B(p, q = 1) { … }` has a body, `block B(p) = …` a pipeline; `head_span` ends with the closing parenthesis.

    `doc` is the text of the `##` lines above, without marks, lines joined by LF.
    """

    span: Span
    name: str
    name_span: Span
    parameters: tuple[Parameter, ...]
    body: Body | Pipeline
    doc: str
    head_span: Span


@dataclass(slots=True, eq=False)
class NetDef:
    """`net N(p = 1) { … }`."""

    span: Span
    name: str
    name_span: Span
    parameters: tuple[Parameter, ...]
    body: Body
    doc: str
    head_span: Span


@dataclass(slots=True, eq=False)
class ModelDef:
    """`model resnet50 = ResNet(Bottleneck, [3, 4, 6, 3]) { expect … }`."""

    span: Span
    name: str
    name_span: Span
    call: Call
    body: Body | None
    doc: str


@dataclass(slots=True, eq=False)
class Use:
    """`use "inception.net" { Inception }`, `use std.conv { ConvNormAct }`; `source` is a Text or a dotted path."""

    span: Span
    source: Text | Name | Attribute
    names: tuple[Name, ...]


Statement: TypeAlias = (
    Flow | Bind | Output | Input | Let | Default | Init | Param | Table | Expect | BlockDef | NetDef | ModelDef | Use
)


@dataclass(slots=True, eq=False)
class File:
    """A whole spec. `doc` is the text of the `#` comment it begins with; `comments` are all comments in order."""

    span: Span
    statements: tuple[Statement, ...]
    doc: str
    comments: tuple[Comment, ...]


@dataclass(slots=True, eq=False)
class Comment:
    """`# …`; `own_line` tells whether nothing but blanks stands before it on its line."""

    span: Span
    own_line: bool
