"""An `if` on which the uses of a block differ, in `forward`."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from netdsl_pytorch.load import build

from tests.pytorch.emit.emitting import emitted


def test_a_name_that_either_arm_gives_is_a_variable_in_both(tmp_path: Path) -> None:
    path = tmp_path / "either.net"
    path.write_text(
        "block B(much) {\n"
        "    param table: [4] init ones()\n"
        "    if much { bias = table -> scale(3) } else { bias = table }\n"
        "    relu() -> add(bias)\n"
        "}\n"
        "net N() { input x: [4]; B(false) -> B(true) -> B(false); output y = identity() }\n"
    )
    x = torch.tensor([[-1.0, 0.0, 1.0, 2.0]])
    torch.testing.assert_close(build(path)(x), x.relu() + 1 + 3 + 1)


def test_a_number_that_forward_reads_is_kept_with_its_sign(tmp_path: Path) -> None:
    path = tmp_path / "shift.net"
    path.write_text("block B(by) { roll([-by], [0]) }\nnet N() { input x: [4]; B(1) -> B(2); output y = identity() }\n")
    x = torch.arange(4.0)[None]
    torch.testing.assert_close(build(path)(x), x.roll(-3, 1))


def test_a_part_that_the_first_turns_of_a_loop_lack_has_its_name(tmp_path: Path) -> None:
    path = tmp_path / "turns.net"
    path.write_text(
        "block B(n) { for i in range(n) { if i > 0 { down{i}: linear(4) } else { relu() } } }\n"
        "net N() { input x: [4]; B(3) -> B(4); output y = identity() }\n"
    )
    assert [key for key in build(path).state_dict() if key.endswith("weight")] == [
        "b1.down1.weight", "b1.down2.weight", "b2.down1.weight", "b2.down2.weight", "b2.down3.weight",
    ]  # fmt: skip


def test_an_arm_may_name_a_value_while_the_current_one_has_a_name(tmp_path: Path) -> None:
    """Nobody reads the current value after the `if`, so that no arm has to leave it in a variable."""
    path = tmp_path / "short.net"
    path.write_text(
        "block B(out) {\n"
        "    linear(out)\n"
        "    main = identity()\n"
        "    if in.features == out { short = in } else { in -> shortcut: linear(out); short = identity() }\n"
        "    main -> add(short)\n"
        "}\n"
        "net N() { input x: [4]; B(4) -> B(4) -> B(3); output y = identity() }\n"
    )
    assert "= short\n" not in emitted(path.read_text())
    net = build(path)
    weights = net.state_dict()

    def applied(part: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, weights[f"{part}.weight"], weights[f"{part}.bias"])

    x = torch.randn(2, 4)
    second = applied("b1.linear1", x) + x
    third = applied("b2.linear1", second) + second
    torch.testing.assert_close(net(x), applied("b3.linear1", third) + applied("b3.shortcut", third))


def test_a_name_for_the_current_value_takes_no_line(tmp_path: Path) -> None:
    path = tmp_path / "alias.net"
    path.write_text(
        "net N() { input x: [4]\n"
        "    for i in range(2) { before{i} = identity(); linear(4) -> relu() -> add(before{i}) }\n"
        "    last = identity()\n"
        "    output y = linear(2)\n}\n"
    )
    source = emitted(path.read_text())
    assert "= x\n" not in source
    assert "= x  #" not in source
    net = build(path)
    weights = net.state_dict()

    def applied(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    x = torch.randn(2, 4)
    second = applied("linear1", x).relu() + x
    torch.testing.assert_close(net(x), applied("y", applied("linear2", second).relu() + second))


def test_an_if_whose_else_alone_makes_something_is_written_the_other_way_round() -> None:
    source = emitted(
        "block B(out, plain = false) {\n"
        "    if in.features == out and not plain { short = in }\n"
        "    else { in -> shortcut: linear(out); short = identity() }\n"
        "    short -> relu()\n"
        "}\n"
        "net N() { input x: [4]; B(4) -> B(4, true) -> B(3); output y = identity() }\n"
    )
    assert "self.shortcut = nn.Linear(in_features, out) if in_features != out or plain else None\n" in source
    assert "pass" not in source
