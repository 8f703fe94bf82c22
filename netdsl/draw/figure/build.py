"""From a graph to a figure: parts, columns and rows along the text's own structure, and the edges between them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from netdsl.analysis.report import contents
from netdsl.draw.figure import texts
from netdsl.draw.figure.figure import Column, End, Figure, Part, Row
from netdsl.draw.figure.fold import fold
from netdsl.draw.figure.threads import Ends, Thread, Threads
from netdsl.draw.figure.turns import Walk, add_join, add_loop
from netdsl.graph.graph import Choice, Fetch, Graph, Join, Loop, Node, Output, Scope, Step, Value
from netdsl.syntax import tree

if TYPE_CHECKING:
    from netdsl.text.source import Span

TABLES = ("param", "constant", "buffer")


def figure_of(graph: Graph) -> Figure:
    """The whole network as a figure."""
    builder = Builder(graph)
    for entry in graph.inputs:
        bound = f" < {entry.bound:,}" if entry.bound is not None else ""
        lines = [f"{entry.name}: {texts.shape_text(entry.value.type)}{bound}"]
        builder.input(entry.value, entry.name, lines, entry.syntax.span)
    if len(graph.inputs) == 1:
        builder.current = (End(builder.parts[0]),)
    threads = Threads(builder)
    builder.steps(graph.root.steps, threads)
    return builder.figure(threads, graph.name, texts.scope_title(graph.root))


def figure_of_block(graph: Graph, scope: Scope) -> Figure:
    """One use of a block by itself, arguments as written in its definition."""
    builder = Builder(graph, written=True)
    for number, formal in enumerate(scope.formals):
        name = "in" if number == 0 else f"in {number + 1}"
        for key, value in scope.arguments.items():
            if isinstance(value, Value) and value.root is formal.root:
                name = key
        builder.input(formal, name, [f"{name}: {texts.shape_text(formal.type)}"], scope.span)
    builder.current = (End(builder.parts[0]),) if builder.parts else ()
    threads = Threads(builder)
    builder.steps(scope.steps, threads)
    results = [value.link for value in scope.outputs if value.link is not None]
    for number, value in enumerate(results):
        name = "out" if len(results) == 1 else f"out {number + 1}"
        builder.output(threads, name, value, scope.span, train=False, noted=())
    use = f"`{scope.path}: {texts.scope_title(scope)}`" if scope.path else texts.scope_title(scope)
    return builder.figure(threads, texts.signature(scope), f"shapes as in {use.replace('`', '')} of {graph.name}")


class Builder(Walk):
    """Walks over the steps of a graph and makes parts and edges."""

    def __init__(self, graph: Graph, written: bool = False) -> None:
        super().__init__(graph)
        self.written = written
        self.statement: tuple[object, tuple[End, ...], list[tuple[Thread, int, Ends]]] = (None, (), [])

    # --- steps

    def steps(self, steps: list[Step], threads: Threads) -> None:
        for step in steps:
            self.step(step, threads)

    def step(self, step: Step, threads: Threads) -> None:
        statement = getattr(step, "statement", None)
        if isinstance(statement, tree.Output) and statement is not self.statement[0]:
            self.statement = (statement, self.current, threads.note())
        if isinstance(step, Node):
            self.node(step, threads)
        elif isinstance(step, Scope):
            self.scope(step, threads)
        elif isinstance(step, Loop):
            add_loop(self, step, threads)
        elif isinstance(step, Choice):
            self.steps(step.taken.steps if step.taken is not None else [], threads)
        elif isinstance(step, Join):
            add_join(self, step, threads)
        elif isinstance(step, Fetch):
            self.current = tuple(end for value in _values(step.values) if (end := self.raw(value)) is not None)
        elif isinstance(step, Output):
            statement, before, noted = self.statement
            mine = statement is step.syntax
            self.output(threads, step.name, step.value, step.syntax.span, step.train, noted if mine else threads.note())
            self.current = before if mine else self.current

    def output(
        self,
        threads: Threads,
        name: str,
        value: Value,
        span: Span,
        train: bool,
        noted: Iterable[tuple[Thread, int, Ends]],
    ) -> None:
        """A result of the net."""
        first, mark = len(self.parts), len(self.edges)
        part = self.part("output", "end", [f"{name}: {texts.shape_text(value.type)}"], span, name)
        part.path, part.train, part.shape = name, train, texts.shape_text(value.type)
        self.read(value, End(part))
        part.key = self.key("output", train)
        threads.add([part], self.since(first, mark), frozenset([End(part)]), ends=True)
        threads.close(part, noted)

    def node(self, node: Node, threads: Threads) -> None:
        """An operator: a box, or a line in the box of the operator that it is appended to."""
        name = node.op.name
        if name == "identity" and node.inputs and not node.labelled:
            raw = self.raw(node.inputs[0])
            if raw is not None:
                self.ends[node.output] = raw
                self.current = (raw,)
                return
        if name in TABLES:
            self.table(node)
            return
        if node.appended and len(node.inputs) == 1 and self.append(node):
            return
        first, mark = len(self.parts), len(self.edges)
        part = self.part("stage", texts.family(node.op), [texts.call_text(node, self.written)], node.span)
        part.name = node.name if node.labelled else ""
        if node.shared is not None and node.scope.shared is None:
            part.lines.append(f"weights of {node.shared.name or node.shared.path}")
        plain = not node.labelled and part.lines == [name if isinstance(node.syntax, tree.Combine) else f"{name}()"]
        if name in texts.SYMBOLS and (plain or isinstance(node.syntax, tree.Call)) and not node.labelled:
            part.symbol = texts.SYMBOLS[name]
        part.path, part.train, part.items = node.path, node.train_only, [node]
        for value in node.inputs:
            self.read(value, End(part))
        for source in (node.fed or {}).values():
            if isinstance(source, Value):
                self.read(source, End(part))
        self.shape(part, node)
        self.current = tuple(End(part, False, number) for number in range(len(node.outputs)))
        self.ends.update(zip(node.outputs, self.current, strict=True))
        part.key = self.part_key(part)
        threads.add([part], self.since(first, mark), frozenset([End(part)]), ends=part.train)

    def shape(self, part: Part, node: Node) -> None:
        part.shape = texts.shape_text(node.type)
        if len(node.outputs) > 1:
            part.shape = f"{len(node.outputs)} × {part.shape}"
        part.changes = not part.items[0].inputs or part.shape != texts.shape_text(part.items[0].inputs[0].type)

    def append(self, node: Node) -> bool:
        """Write an appended stage into the box of its operator, if that is what it reads."""
        end = self.raw(node.inputs[0])
        if end is None or end.inside or end.part.kind != "stage" or end.part is not self.parts[-1]:
            return False
        part = end.part
        part.lines.append(texts.call_text(node, self.written))
        part.symbol = ""
        part.items.append(node)
        self.shape(part, node)
        self.ends[node.output] = end
        self.current = (end,)
        part.key = self.part_key(part)
        return True

    def table(self, node: Node) -> None:
        """A parameter or constant."""
        part = self.part("tensor", "end", [node.name.rpartition(".")[2] or node.op.name], node.span, node.name)
        part.shape = texts.shape_text(node.type)
        part.path, part.items, part.train = node.path, [node], node.train_only
        part.lines.append(part.shape)
        part.key = self.part_key(part)
        self.ends[node.output] = End(part)
        self.current = (End(part),)

    # --- blocks and groups

    def scope(self, scope: Scope, threads: Threads) -> None:
        """A block or a labelled group: a part with a column inside."""
        first, mark = len(self.parts), len(self.edges)
        title = texts.scope_title(scope, self.written)
        part = self.part("frame", "group", [], scope.span)
        part.name = scope.name if scope.labelled or not title else ""
        part.path, part.train, part.items = scope.path, scope.train_only, [scope]
        part.title = title
        part.lines = [title] if title else [part.name or "group", contents(scope).replace(" x ", " × ")]
        if not title and not part.name:
            part.title = "group"
        if scope.shared is not None and (scope.parent is None or scope.parent.shared is None):
            part.lines.append(f"weights of {scope.shared.name}")
            part.title += f", weights of {scope.shared.name}"
        kept = self.current, self.around
        entry: tuple[End, ...]
        if scope.kind == "sequence":
            entry = tuple(end for value in scope.inputs if (end := self.raw(value)) is not None)
            self.around = [*self.around, (part, entry)]
        else:
            entry = tuple(End(part, True, number) for number in range(len(scope.formals)))
            self.ends.update(zip(scope.formals, entry, strict=True))
            self.around = []
            named = [value for argument in scope.arguments.values() for value in _values(argument)]
            self.current = entry[: len(entry) - len(named)]
        self.apart_from_root += 1
        inner = Threads(self)
        self.steps(scope.steps, inner)
        for number, value in enumerate(scope.outputs):
            if value.link is not None:
                self.read(value.link, End(part, True), number)
        self.apart_from_root -= 1
        if inner.empty and self.passes_by(scope, part):
            del self.parts[first:], self.edges[mark:]
            self.apart_from_root -= 1
            self.around = kept[1]
            return
        used = {edge.source.port for edge in self.edges[mark:] if edge.source.part is part and edge.source.inside}
        self.current, self.around = kept
        part.columns = [inner.finish()]
        self.enter(part, scope, entry, used, mark)
        self.current = tuple(End(part, False, number) for number in range(len(scope.outputs)))
        self.ends.update(zip(scope.outputs, self.current, strict=True))
        if scope.outputs:
            part.shape = texts.shape_text(scope.outputs[0].type)
            if len(scope.outputs) > 1:
                part.shape = f"{len(scope.outputs)} × {part.shape}"
            part.changes = not scope.inputs or part.shape != texts.shape_text(scope.inputs[0].type)
        part.key = self.part_key(part)
        threads.add([part], self.since(first, mark), frozenset([End(part)]), ends=part.train)

    def passes_by(self, scope: Scope, part: Part) -> bool:
        """Lets what comes into a block or group that does nothing stand for what comes out, if that is all there is."""
        views = dict(zip(scope.formals, scope.inputs, strict=True)) if scope.formals else {}
        ends: list[End] = []
        for value in scope.outputs:
            at: Value | None = value.link
            while at is not None and at not in views and at not in self.ends:
                at = at.link
            end = None if at is None else self.raw(views.get(at, at))
            if end is None or end.part.number >= part.number:
                return False
            ends.append(end)
        self.ends.update(zip(scope.outputs, ends, strict=True))
        self.current = tuple(ends)
        return True

    def enter(self, part: Part, scope: Scope, entry: tuple[End, ...], used: set[int], mark: int) -> None:
        """The edges into a block or group, of those inputs that something in it reads."""
        if scope.kind == "sequence":
            for port, end in enumerate(entry):
                if port in used and end.part.kind != "tensor":
                    self.read(scope.inputs[port], End(part), port)
            return
        names = {value.root: key for key, argument in scope.arguments.items() for value in _values(argument)}
        for edge in self.edges[mark:]:
            if edge.source.part is part and edge.source.port > 0:
                edge.name = names.get(scope.inputs[edge.source.port].root, "")
        for port in sorted(used):
            self.read(scope.inputs[port], End(part), port)

    # --- the whole

    def figure(self, threads: Threads, title: str, subtitle: str) -> Figure:
        """All that was built, with inputs that nothing begins with on top."""
        column = threads.finish()
        rest = list(self.waiting)
        if len(rest) > 1:
            column.items.insert(0, Row([Column([part]) for part in rest]))
        elif rest:
            column.items.insert(0, rest[0])
        fold(self, column)
        _settle(column)
        return Figure(self.graph, column, self.edges, self.parts, title, subtitle)


def _settle(root: Column) -> None:
    """Tell every part what it lies in."""
    stack: list[tuple[Column, Part | None, int]] = [(root, None, 1)]
    while stack:
        column, parent, level = stack.pop()
        for part in column.parts():
            part.parent, part.level = parent, level
            inside = level if part.kind == "stack" else level + 1
            stack.extend((inner, part, inside) for inner in part.columns)


def _values(value: object) -> list[Value]:
    """The tensors in what may be one, or a list of them."""
    if isinstance(value, Value):
        return [value]
    return [tensor for item in value for tensor in _values(item)] if isinstance(value, tuple) else []
