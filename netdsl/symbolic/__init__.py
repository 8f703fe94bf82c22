"""Where numbers come from: expressions over names, which can be evaluated, shortened and compared.

It knows values alone: no syntax, no graph, no operator of a network. Elaboration computes with it, and what reads a
graph evaluates and rewrites the expressions in it by the same rules.
"""

from netdsl.symbolic.evaluate import Unknown, compute, evaluate
from netdsl.symbolic.expressions import Apply, Const, Expr, Ref, RefKind, apply, lists, refs, size_of, substitute
from netdsl.symbolic.numbers import MAX_READ, TracedFloat, TracedInt, expr_of, plain, traced
from netdsl.symbolic.simplify import fold, negation, simplify

__all__ = [
    "MAX_READ",
    "Apply",
    "Const",
    "Expr",
    "Ref",
    "RefKind",
    "TracedFloat",
    "TracedInt",
    "Unknown",
    "apply",
    "compute",
    "evaluate",
    "expr_of",
    "fold",
    "lists",
    "negation",
    "plain",
    "refs",
    "simplify",
    "size_of",
    "substitute",
    "traced",
]
