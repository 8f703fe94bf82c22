"""A small class for an operator that PyTorch has no module for, and what all classes begin with."""

from __future__ import annotations

from dataclasses import dataclass

from netdsl_pytorch.emit import code
from netdsl_pytorch.emit.code import Code
from netdsl_pytorch.python.nodes import Name
from netdsl_pytorch.python.statements import Class, Evaluate, Function, Parameter, Return, Statement, assigned

TENSOR = Name("Tensor")
MODULE = code.name("nn.Module")
INIT = code.attribute(code.call("super", []), "__init__")
SUPER = Evaluate(code.call(INIT, []))
"""`super().__init__()`."""


@dataclass(frozen=True, slots=True)
class SmallClass:
    """A module for an operator that PyTorch has none for."""

    name: str
    doc: str
    made: Code
    attributes: tuple[str, ...] = ()
    before: tuple[tuple[str, Code], ...] = ()
    """Lines that stand before the result: names and what they hold."""

    def definition(self) -> Class:
        """The class."""
        body: list[Statement] = []
        if self.attributes:
            parameters = [Parameter("self"), *(Parameter(name, Name("int")) for name in self.attributes)]
            own = [assigned(f"self.{name}", Name(name)) for name in self.attributes]
            body.append(Function("__init__", tuple(parameters), code.NONE, (SUPER, *own)))
        before = [assigned(name, made) for name, made in self.before]
        parameters = [Parameter("self"), Parameter("x", TENSOR)]
        body.append(Function("forward", tuple(parameters), TENSOR, (*before, Return(self.made))))
        return Class(self.name, MODULE, tuple(body), self.doc + ".")
