"""`default op(args)`: arguments for what follows, to the end of the braces or the file."""

from __future__ import annotations

from netdsl.elaborate.errors import trouble
from netdsl.elaborate.expressions.given import give_argument
from netdsl.elaborate.expressions.lookup import operator
from netdsl.elaborate.scopes.env import Env
from netdsl.graph.graph import Given
from netdsl.ops import REGISTRY
from netdsl.syntax import tree
from netdsl.text.codes import BAD_ARGUMENT, UNKNOWN_ARGUMENT, UNKNOWN_OPERATOR
from netdsl.text.diagnostic import did_you_mean


def add_default(statement: tree.Default, env: Env) -> None:
    """Adds to the defaults that the braces see; later ones win over earlier ones."""
    call = statement.call
    assert isinstance(call.function, tree.Name)
    name = call.function.id
    op = operator(name, call.function.span, env)
    if op is None:
        message = f"there is no operator `{name}` to set a default for"
        if env.callable(name) is not None:
            message = f"`{name}` is a block; defaults are for operators"
        raise trouble(UNKNOWN_OPERATOR, message, call.function.span, did_you_mean(name, REGISTRY))
    plain = [argument for argument in op.arguments if not argument.variadic]
    added: dict[str, Given] = {}
    for number, argument in enumerate(call.args):
        key = argument.name
        if key is None:
            if number >= len(plain):
                raise trouble(BAD_ARGUMENT, f"`{name}` takes {len(plain)} arguments", argument.span)
            key = plain[number].name
        elif key != "then" and not any(known.name == key for known in op.arguments):
            known_names = [known.name for known in op.arguments] + ["then"]
            help = (
                did_you_mean(key, known_names)
                or f"it takes {', '.join(f'`{known_name}`' for known_name in known_names)}"
            )
            raise trouble(UNKNOWN_ARGUMENT, f"`{name}` has no argument `{key}`", argument.span, help=help)
        added[key] = give_argument(argument, env)
    env.defaults = {**env.defaults, name: {**env.defaults.get(name, {}), **added}}
