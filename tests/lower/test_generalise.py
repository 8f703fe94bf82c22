"""One answer for a number of all uses, and what it specialises: a few lines in, an answer out."""

from __future__ import annotations

import pytest

from netdsl.lower.classes.class_program import ClassProgram
from netdsl.lower.classes.generalise import Slot, answer
from netdsl.lower.programs.align import Disagree, MergedTurns
from netdsl.lower.programs.loops import Loop
from netdsl.symbolic import expr_of
from netdsl.syntax import tree
from tests.lower.lowering import class_of, item, size_slot, slot, told


def specialised(program: ClassProgram) -> set[str]:
    """The names of what the answers so far make no arguments."""
    program.solution.settle()
    keys = program.solution.specialised(program.owner.definition)
    return {key.name if isinstance(key, tree.Parameter) else str(key[0]) for key in keys}  # type: ignore[index]


def net(block: str, stages: str) -> str:
    return f"""
    {block}
    net N() {{
      input x: 4x8x8
      output y = {stages}
    }}
    """


def test_what_the_author_wrote_stays() -> None:
    program = class_of(net("block B(c) { conv(2 * c, 1) }", "B(4) -> B(8)"), "B")
    assert told(answer(program, slot(item(program.program, "conv"), "out"))) == "(2 * c)"
    assert {ref.name for ref in program.state.needs.values()} == {"c"}
    assert not specialised(program)


def test_the_size_of_an_input_is_an_argument_named_after_its_axis() -> None:
    program = class_of(net("block B(c) { conv(c, 1) }", "B(4) -> B(8) -> B(4)"), "B")
    assert told(answer(program, size_slot(item(program.program, "conv")))) == "channels"


def test_a_number_of_the_text_is_a_literal_that_depends_on_nothing() -> None:
    program = class_of(net("block B(c) { conv(c, 1) -> conv(8, 1) }", "B(4) -> B(8)"), "B")
    step = program.program[1]
    assert told(answer(program, slot(step, "out"))) == "8"  # type: ignore[arg-type]
    assert not specialised(program)


def test_a_literal_specialises_what_it_depends_on() -> None:
    # Nobody wrote the size of what two branches make, so that it is no formula where a literal will do.
    block = "block B(c) { concat { conv(c, 1); conv(c, 1) } -> relu() -> conv(2, 1) }"
    program = class_of(net(block, "B(4) -> B(4)"), "B")
    assert told(answer(program, size_slot(item(program.program[2:], "conv")))) == "8"
    assert specialised(program) == {"c"}


def test_what_no_name_gives_becomes_an_argument_of_its_own() -> None:
    program = class_of(net("block B(p) { p() -> conv(4, 1) }", "B(dropout(0.1)) -> B(dropout(0.2))"), "B")
    step = item(program.program, "dropout")
    given = slot(step, "p", role="p")
    assert told(answer(program, given)) == "<p>"
    assert [list(extra.values.values()) for extra in program.state.extras] == [[0.1, 0.2]]


def test_without_a_role_what_no_name_gives_is_a_misfit_with_its_groups() -> None:
    program = class_of(net("block B(p) { p() -> conv(4, 1) }", "B(dropout(0.1)) -> B(dropout(0.2))"), "B")
    with pytest.raises(Disagree) as misfit:
        answer(program, slot(item(program.program, "dropout"), "p"))
    assert sorted(map(str, misfit.value.groups.values())) == ["0.1", "0.2"]


def test_a_number_that_grows_with_the_turns() -> None:
    blocks = "block D(g) { concat { in; conv(g, 1) } }\n block B(g, n) { for i in range(n) { l[i]: D(g) } }"
    program = class_of(net(blocks, "B(2, 3)"), "B")
    loop = program.program[0]
    assert isinstance(loop, MergedTurns)
    program.loops.append(Loop(loop, 0, str))
    step = loop.body()[0]
    sizes = {case: scope.inputs[0].type.shape[0] for case, scope in step.scopes.items()}  # type: ignore[union-attr]
    assert list(map(int, sizes.values())) == [4, 6, 8]
    exprs = {case: expr_of(size) for case, size in sizes.items()}
    names = {case: case.names for case in sizes}
    assert told(answer(program, Slot(sizes, exprs, names, given=False))) == "channels + i * g"


def test_a_specialised_parameter_folds_to_its_value() -> None:
    program = class_of(net("block B(c) { conv(2 * c, 1) }", "B(4) -> B(4)"), "B")
    program.solution.specialise(program.owner.definition, program.parameters[0], at_once=True)
    assert told(answer(program, slot(item(program.program, "conv"), "out"))) == "8"
