"""Which parameters the text of a class rests on, because it writes one expression for several.

`Block(in_channels, c)` may stand for two turns of a loop, of which the first is given `in_channels` and the second
what the first gave, `c`. That they are the same number in this network says nothing about the others that the factory
makes. They are the same in all of them where both come from the same expression over the parameters of the net: each
name of a block stands for what its use gave it, each axis for the size of what it was given, and so on outwards. Where
they do not, the parameters that make them agree are no arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from netdsl import symbolic
from netdsl.graph.graph import Branch, Choice, Join, Loop, Scope, Step, Turn
from netdsl.graph.names import Names
from netdsl.lower.programs.loops import item_of
from netdsl.lower.programs.parameters import owner_of
from netdsl.symbolic import Apply, Const, Expr, Ref, expr_of, plain
from netdsl.symbolic.normal import same

_DEEPEST = 200
"""How often what a name stands for is followed to the next name."""


class Seen(NamedTuple):
    """An expression, the names that are seen where it stands, and the scope that it stands in."""

    expr: Expr
    names: Names
    scope: Scope


Terms: TypeAlias = tuple[tuple[int, Seen], ...]
"""A sum: each expression, so many times."""


class Claim(NamedTuple):
    """That two numbers are the same, which they are in this network."""

    written: Terms
    meant: Terms


class Claims:
    """What is claimed, decided by what the net is given: `fixed` tells the value of a parameter that is no argument."""

    def __init__(self, root: Scope, fixed: Callable[[Any], bool]) -> None:
        self.root = root
        self.fixed = fixed
        self.known: dict[Any, Expr] = {}
        self.turns: dict[Scope, dict[int, tuple[Loop, int]]] = {}
        """Which turn of which loop sees which names."""

    def rests_on(self, claim: Claim) -> list[Any]:
        """The parameters of the net without whose values a claim does not hold: none if it holds for all."""
        if any(ref.kind == "carried" for _, each in claim.written + claim.meant for ref in symbolic.refs(each.expr)):
            return []  # a size that loops carry on is that of the value before, whatever gave it
        one, other = self._over_net(claim.written), self._over_net(claim.meant)
        if same(one, other):
            return []
        needed = {ref.declaration: self._value(ref) for expr in (one, other) for ref in symbolic.refs(expr)}
        for key in list(needed):
            others = {each: value for each, value in needed.items() if each != key}
            if same(*(symbolic.fold(symbolic.substitute(expr, others), _unknown) for expr in (one, other))):
                needed = others
        return list(needed)

    def _value(self, ref: Ref) -> Expr:
        return Const(plain(self.root.arguments.get(ref.name)))

    def _over_net(self, terms: Terms) -> Expr:
        made: Expr = Const(0)
        for number, (expr, names, scope) in terms:
            found = self._expr(expr, names, scope, 0)
            if len(terms) == 1 and number == 1:
                return found
            made = symbolic.simplify("+", [made, symbolic.simplify("*", [Const(number), found])])
        return made

    def _expr(self, expr: Expr, names: Names, scope: Scope, depth: int) -> Expr:
        """An expression as one over the parameters of the net."""
        if isinstance(expr, Apply):
            # Over the names of a block first: what heads are divided by divides them there.
            expr = symbolic.fold(expr, _unknown)
        if isinstance(expr, Apply):
            return symbolic.simplify(expr.op, [self._expr(each, names, scope, depth) for each in expr.operands])
        if isinstance(expr, Const):
            return Const(plain(expr.value))
        key = (expr.declaration, id(names), scope)
        if key not in self.known:
            self.known[key] = self._ref(expr, names, scope, depth)
        return self.known[key]

    def _ref(self, ref: Ref, names: Names, scope: Scope, depth: int) -> Expr:
        key = ref.declaration
        if depth > _DEEPEST:
            return ref
        if isinstance(key, tuple) and key[0] in ("kernel", "stride"):
            return symbolic.simplify(key[0], [self._expr(Ref(ref.name, ref.kind, key[1]), names, scope, depth)])
        if isinstance(key, tuple):
            return self._axis(ref, scope, depth)
        # What is given may be over names further out than those around the use: of a call that was kept.
        at: Scope | None = scope
        while at is not None:
            found = names.find(ref.name, key)
            owner = owner_of(at)
            if found is None:
                names, at = owner.outer, owner.parent
                continue
            if ref.kind == "parameter" and owner is self.root:
                return self._value(ref) if self.fixed(key) else ref
            if ref.kind == "parameter":
                given = owner.given.get(ref.name)
                if given is not None and owner.parent is not None:
                    made = self._expr(given.expr, owner.outer, owner.parent, depth + 1)
                else:
                    made = self._expr(owner.defaults.get(ref.name, Const(None)), owner.names, owner, depth + 1)
            elif ref.kind == "loop variable" and (found.definition is None or isinstance(found.definition, Const)):
                made = self._item(ref, names, owner, depth)
            else:
                made = self._expr(found.definition or Const(None), names, at, depth + 1)
            return Const(plain(found.value)) if isinstance(made, Const) else made
        return ref

    def _item(self, ref: Ref, names: Names, owner: Scope, depth: int) -> Expr:
        """A variable of a loop as an item of the list that the loop goes through."""
        if owner not in self.turns:
            self.turns[owner] = {id(turn.names): (loop, number) for loop, number, turn in _turns(owner.steps)}
        at: Names | None = names
        while at is not None:
            loop, number = self.turns[owner].get(id(at), (None, 0))
            item = item_of(ref, loop, number) if loop is not None and ref.name in at.names else None
            if item is not None and at.parent is not None:
                return self._expr(item, at.parent, owner, depth + 1)
            at = at.parent
        return Const(None)

    def _axis(self, ref: Ref, scope: Scope, depth: int) -> Expr:
        """The size of an axis of what a block is given, as its use has it."""
        _, number, axis, axes = ref.declaration
        place = -1 if axis == axes - 1 else axis  # of tensors of any rank
        owner = owner_of(scope)
        if owner.parent is None or number >= len(owner.inputs):
            return ref
        return self._expr(expr_of(owner.inputs[number].type.shape[place]), owner.outer, owner.parent, depth + 1)


def _turns(steps: Iterable[Step]) -> Iterator[tuple[Loop, int, Turn]]:
    """Every turn of the loops in steps, but for those within blocks."""
    for step in steps:
        if isinstance(step, Loop):
            for number, turn in enumerate(step.turns):
                yield step, number, turn
                yield from _turns(turn.steps)
        elif isinstance(step, Choice):
            yield from _turns(step.taken.steps if step.taken is not None else ())
        elif isinstance(step, Join | Branch) or (isinstance(step, Scope) and step.kind == "sequence"):
            yield from _turns(step.steps)


def term(expr: Expr, names: Names, scope: Scope) -> Terms:
    return ((1, Seen(expr, names, scope)),)


def decided(claims: Iterable[Claim], root: Scope, fixed: Callable[[Any], bool]) -> dict[Any, None]:
    """The parameters of the net that claims rest on."""
    found: dict[Any, None] = {}
    at = Claims(root, fixed)
    for claim in claims:
        more = at.rests_on(claim)
        if more:
            found.update(dict.fromkeys(more))
            at = Claims(root, lambda key: fixed(key) or key in found)
    return found


def _unknown(ref: Ref) -> None:
    """Nothing is known of any name."""
