"""Statements as lines: what stands where, and what a file imports."""

from __future__ import annotations

import ast

from netdsl_pytorch.python import build, writer
from netdsl_pytorch.python.nodes import Expression, Name
from netdsl_pytorch.python.statements import (
    Class,
    Declare,
    Evaluate,
    For,
    Function,
    If,
    Parameter,
    Pass,
    Return,
    Source,
    Statement,
    assigned,
    choice,
)

X = Name("x")


def shown(statement: Statement) -> str:
    return "\n".join(writer.lines(statement))


def test_a_choice_has_its_arms() -> None:
    first: list[Statement] = [assigned("y", build.literal(1))]
    arms: list[tuple[Expression | None, list[Statement]]] = [(X, first), (Name("z"), []), (None, [Return(X)])]
    assert shown(choice(arms)) == "if x:\n    y = 1\nelif z:\n    pass\nelse:\n    return x"
    assert shown(choice(arms[:1])) == "if x:\n    y = 1"


def test_a_function_has_annotations_defaults_and_a_docstring() -> None:
    parameters = (Parameter("self"), Parameter("k", Name("int"), build.literal(3)), Parameter("x", Name("Tensor")))
    made = Function("f", parameters, build.annotation("tuple[Tensor, ...] | None"), (Return(X),), 'Ends in "quotes"')
    assert shown(made) == (
        'def f(self, k: int = 3, x: Tensor) -> tuple[Tensor, ...] | None:\n    """Ends in "quotes\\""""\n    return x'
    )


def test_blank_lines_stand_where_they_are_asked_for_and_before_methods() -> None:
    method = Function("f", (Parameter("self"),), build.NONE, (Evaluate(build.call("g", [])), Pass(apart=True)))
    made = Class("A", build.name("nn.Module"), (Declare(Name("a"), Name("Tensor")), method), "A class.")
    assert shown(made) == (
        'class A(nn.Module):\n    """A class."""\n\n    a: Tensor\n\n'
        "    def f(self) -> None:\n        g()\n\n        pass"
    )


def test_a_file_imports_what_it_mentions_and_no_more() -> None:
    loop = For("torch", build.call("F.relu", [build.literal("math.pi and nn")]), (Pass(),))
    helper = Source("def h() -> None:\n    partial()\n", frozenset({"partial"}))
    text = writer.file("Speaks of math and Callable.", ["h"], [If(X, (loop,)), helper])
    lines = text.split("\n")
    assert "import torch.nn.functional as F" in lines
    assert "from functools import partial" in lines
    assert not any("math" in line or "Callable" in line for line in lines if "import" in line)
    assert "import torch" not in lines  # a loop variable of that name is not the module
    ast.parse(text)


def test_an_annotation_is_a_type_of_the_compilers_own() -> None:
    for text in ("int", "nn.Module | None", "Callable[..., nn.Module]", "ClassVar[dict[str, float]]"):
        assert shown(Declare(X, build.annotation(text))) == f"x: {text}"
