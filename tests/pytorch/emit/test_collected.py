"""What turns of a loop give and a combine takes, all of it: a list that each turn appends to, or a running sum."""

from __future__ import annotations

import inspect

from netdsl_pytorch.emit import factory_name
from netdsl_pytorch.load import module_of
from netdsl_pytorch.verify import verify

from tests.pytorch.emit.emitting import emitted, traced

LAYER = "block L(c) { l: conv(c, 1) -> relu() }\n"


def agreed(text: str) -> str:
    """The text that is emitted, which agrees with its spec for other arguments too."""
    source = emitted(text)
    report = verify(traced(text), source, compile=False, export=False)
    assert report.passed, f"{report.failures}\n{source}"
    return source


def net(loop: str, combine: str, parameters: str = "n = 4") -> str:
    return f"{LAYER}net N({parameters}) {{ input x: 4x6x6\nstem: conv(4, 1)\n{loop}\noutput y = {combine} -> relu() }}"


LOOP = "for i in range(n) { l[i]: L(4) }"


def test_a_sum_of_what_all_turns_give_runs_with_them() -> None:
    source = agreed(net(LOOP, "add { for i in range(n) { l[i] } }"))
    assert "total = x.new_zeros(())" in source
    assert "total = total + x" in source
    assert "n: int = 4" in source


def test_what_all_turns_give_is_concatenated_from_a_list() -> None:
    source = agreed(net(LOOP, "concat { for i in range(n) { l[i] } }"))
    assert ": list[Tensor] = []" in source
    assert "torch.cat(results, dim=1)" in source


def test_a_list_and_a_sum_of_the_same_values() -> None:
    add = LOOP + "\na = add { for i in range(n) { l[i] } }"
    text = net(add, "concat { for i in range(n) { l[i] } } -> conv(4, 1) -> add(a)")
    source = agreed(text)
    assert "total = total + " in source
    assert ".append(" in source


def test_two_lists_have_names_of_their_own() -> None:
    text = net(
        LOOP + "\na = concat { for i in range(n) { l[i] } } -> conv(4, 1)\nfor i in range(n) { m[i]: L(4) }",
        "concat { for i in range(n) { m[i] } } -> conv(4, 1) -> add(a)",
    )
    source = agreed(text)
    assert source.count(": list[Tensor] = []") == 2
    assert "results2" in source


def test_as_many_turns_by_accident_offer_neither_count() -> None:
    text = net(LOOP, "add { for i in range(m) { l[i] } }", "n = 4, m = 4")
    source = agreed(text)
    names = inspect.signature(getattr(module_of(source), factory_name(traced(text)))).parameters
    assert "n" not in names
    assert "m" not in names


def test_another_order_or_a_part_of_the_turns_is_no_list() -> None:
    for some in ("l[n - 1]; for i in range(n - 1) { l[i] }", "for i in range(n) { l[n - 1 - i] }"):
        assert ".append(" not in agreed(net(LOOP, f"concat {{ {some} }}"))


def test_within_blocks_of_different_lengths() -> None:
    text = f"""
    {LAYER}
    block B(n) {{ for i in range(n) {{ l[i]: L(4) }}
      add {{ for i in range(n) {{ l[i] }} }} }}
    net N() {{ input x: 4x6x6
      output y = B(3) -> B(5) }}
    """
    source = agreed(text)
    assert "B2" not in source
    assert "total = total + x" in source


def test_branches_that_a_loop_makes_are_made_by_a_comprehension() -> None:
    text = """
    net N(n = 3) { input x: 4x6x6
      concat { for i in range(n) { b[i]: conv(4, 3, padding = 1) -> relu() } }
      output y = globalavgpool() }
    """
    source = agreed(text)
    assert "torch.cat([F.relu(conv(x)) for conv in self.b], dim=1)" in source


def test_branches_of_several_lines_are_written_out() -> None:
    text = """
    net N() { input x: 4x6x6
      concat { for i in range(3) { b[i]: conv(4, 1) -> a[i]: add(x) -> mul { a[i]; sigmoid() } } }
      output y = globalavgpool() }
    """
    assert " for conv in " not in agreed(text)


def test_branches_whose_numbers_differ_in_forward_are_written_out() -> None:
    text = """
    net N() { input x: 4x6x6
      concat { for i in range(3) { b[i]: conv(4, 1) -> slice(1, i, i + 3) } }
      output y = globalavgpool() }
    """
    source = agreed(text)
    assert "for conv in self.b" not in source
    assert "2:5" in source


def test_parts_of_a_comprehension_in_a_block_with_uses_of_different_lengths() -> None:
    text = f"""
    {LAYER}
    block B(rates) {{ concat {{ for (i, r) in enumerate(rates) {{ l[i]: L(r) }} }} -> out: conv(4, 1) }}
    net N() {{ input x: 4x6x6
      output y = B([2, 3]) -> B([4, 5, 6]) }}
    """
    source = agreed(text)
    assert "for l in self.l" in source or "in self.l]" in source
