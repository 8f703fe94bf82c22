"""Random formulas of constants over the grammar, of numbers and conditions each where it belongs (mostly)."""

from __future__ import annotations

from random import Random

_ONE = ("abs", "ceil", "cos", "exp", "floor", "log", "log2", "round", "sign", "sin", "sqrt")
_LEAVES = ("i", "j", "i", "j", "n", "k", "s", "pi")
_NUMBERS = ("0", "1", "2", "3", "7", "10", "100", "10000", "0.5", "0.1", "1.5", "1e-3", "1e30", "2**40", "-1", "-2")


class Formulas:
    """Draws formulas over the indices `i`, `j`, the parameters `n` (4), `k` (-3), `s` (0.3), `flag`, and the constants
    `u[i]` of whole numbers and `w[i, j]` of fractions."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def net(self) -> str:
        """A net with one such constant as `m`."""
        formula = self.number(self.random.randint(1, 4))
        shape = self.random.choice(("[4, 6]", "[n, n + 2]", "[1, 6]"))
        above = ["constant u[i]: [6] = 3 - i"] if "u[" in formula else []
        above += ["constant w[i, j]: [4, 6] = (i - j) / 7"] if "w[" in formula else []
        kind = self.random.choice(("constant", "buffer"))
        lines = ["input x: [4, 6]", *above, f"{kind} m[i, j]: {shape} = {formula}", "output y = add(m)"]
        body = "\n    ".join(lines)
        return f"net N(n = 4, k = -3, s = 0.3, flag = {self.random.choice(('true', 'false'))}) {{\n    {body}\n}}\n"

    def number(self, depth: int) -> str:
        draw = self.random
        if depth == 0 or draw.random() < 0.1:
            return draw.choice(_LEAVES) if draw.random() < 0.65 else f"({draw.choice(_NUMBERS)})"
        form = draw.random()
        if form < 0.5:
            op = draw.choice(("+", "-", "*", "*", "/", "//", "%", "**"))
            right = self.number(0) if op == "**" and draw.random() < 0.7 else self.number(depth - 1)
            return f"({self.number(depth - 1)} {op} {right})"
        if form < 0.6:
            return f"(-{self.number(depth - 1)})"
        if form < 0.75:
            return f"{draw.choice(_ONE)}({self.number(depth - 1)})"
        if form < 0.82:
            arguments = ", ".join(self.number(depth - 1) for _ in range(draw.randint(1, 3)))
            return f"{draw.choice(('max', 'min'))}({arguments})"
        if form < 0.94:
            return f"({self.number(depth - 1)} if {self.condition(depth - 1)} else {self.number(depth - 1)})"
        if draw.random() < 0.5:
            return f"u[{self.index(depth - 1)}]"
        return f"w[{self.index(depth - 1)}, {self.index(depth - 1)}]"

    def index(self, depth: int) -> str:
        return self.random.choice(
            ("i", "j", "i // 2", "(i + j) % 4", "0", "max(i - 1, 0)", "3 - i", self.number(depth))
        )

    def condition(self, depth: int) -> str:
        draw = self.random
        form = draw.random()
        if depth <= 0 or form < 0.6:
            op = draw.choice(("==", "!=", "<", "<=", ">", ">="))
            return f"{self.number(max(depth - 1, 0))} {op} {self.number(max(depth - 1, 0))}"
        if form < 0.8:
            return f"({self.condition(depth - 1)} {draw.choice(('and', 'or'))} {self.condition(depth - 1)})"
        if form < 0.9:
            return f"not ({self.condition(depth - 1)})"
        return draw.choice(("flag", "not flag", "flag and i > j", self.number(depth - 1)))
