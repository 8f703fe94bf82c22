"""The code blocks of the documentation, and what each of them must do.

```netdsl                       a whole spec: every model of it is sound
```netdsl net 3x32x32           lines of a net with the input `image: 3x32x32`; definitions may stand above a line
                                `# in a net:`
```netdsl error E0103 …         the same, but wrong: with the code among what is said of it
```keys                         the keys in the `state_dict` of the spec above
```diagnostic                   what is said of the spec above
```console                      commands, each with what it prints
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from netdsl.catalogue import Spec
from netdsl.elaborate import model_names
from netdsl.graph.graph import Graph
from netdsl.graph.verify import verify
from netdsl.loading import load_model
from netdsl.syntax.parser import parse
from netdsl.text import Source, SpecError, render_plain

DOCS = Path(__file__).parents[2] / "docs"
IN_A_NET = "# in a net:"

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)


class Fence(NamedTuple):
    """A code block: the line it begins at, its language and options, its text."""

    file: str
    line: int
    language: str
    options: tuple[str, ...]
    text: str

    @property
    def where(self) -> str:
        return f"{self.file}-{self.line}"

    @property
    def code(self) -> str | None:
        """The code that a wrong example must get."""
        return self.options[1] if self.options[:1] == ("error",) else None

    @property
    def spec(self) -> str:
        """The whole spec: lines of a net are put into one."""
        options = self.options[2:] if self.code else self.options
        if options[:1] != ("net",):
            return self.text
        above, marked, body = self.text.rpartition(IN_A_NET + "\n")
        lines = [f"    {line}" for line in (body if marked else self.text).rstrip().split("\n")]
        if not any(line.lstrip().startswith(("output ", "train output ")) for line in lines):
            lines.append("    output result = identity()")
        return f"{above}net Example() {{\n    input image: {options[1]}\n" + "\n".join(lines) + "\n}\n"


def fences(name: str) -> list[Fence]:
    """The code blocks of a page, in order."""
    text = (DOCS / name).read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        language, *options = match["info"].split() or [""]
        found.append(Fence(name, text.count("\n", 0, match.start()) + 1, language, tuple(options), match["text"]))
    return found


def graphs(fence: Fence, *, traced: bool = False) -> list[Graph]:
    """The graphs of all models of an example, contracts and budgets kept."""
    source = Source("example.net", fence.spec)
    file = parse(source)
    specs = [Spec(source, model, str(DOCS.parent / "specs")) for model in model_names(file)]
    made = [load_model(spec, file, traced=traced).sound().graph for spec in specs]
    for graph in made:
        verify(graph)
    return made


def said(fence: Fence) -> tuple[list[str], str]:
    """The codes of what is wrong with an example, and the messages."""
    try:
        graphs(fence)
    except SpecError as error:
        return [str(each.code) for each in error], "\n\n".join(render_plain(each).rstrip() for each in error)
    return [], ""
