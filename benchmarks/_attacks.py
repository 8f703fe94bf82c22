"""Small files that could cost much: each is one construct, as often or as long as a file of a size has room for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count

Attack = Callable[[int], str]
"""From a size in characters to a spec of about that size."""

ATTACKS: dict[str, Attack] = {}


def _filled(room: int, pieces: Iterable[str], separator: str = "\n") -> str:
    """As many pieces as there is room for."""
    taken: list[str] = []
    for piece in pieces:
        room -= len(piece) + len(separator)
        if room < 0:
            break
        taken.append(piece)
    return separator.join(taken)


def _each(form: str, start: int = 0) -> Iterator[str]:
    """The form with 0, 1, 2, … in place of `@`, and the number before in place of `%`."""
    return (form.replace("@", str(i)).replace("%", str(i - 1)) for i in count(start))


def _net(body: str, *, above: str = "", input: str = "3x8x8", output: str = "relu()", head: str = "") -> str:
    return f"{above}\nnet N({head}) {{\n    input x: {input}\n{body}\n    output y = {output}\n}}\n"


def _many(name: str, form: str, *, before: str = "", start: int = 0, separator: str = "\n", **around: str) -> None:
    """An attack with many statements in a net."""

    def attack(size: int) -> str:
        return _net(before + _filled(size - 300, _each(form, start), separator), **around)

    ATTACKS[name] = attack


def _above(name: str, form: str, *, before: str = "", start: int = 0, separator: str = "\n", body: str = "") -> None:
    """An attack with many statements above a net, which are not in use unless `body` says so."""

    def attack(size: int) -> str:
        return _net(body, above=before + _filled(size - 300, _each(form, start), separator))

    ATTACKS[name] = attack


def _within(name: str, before: str, form: str, after: str, separator: str = ", ", **around: str) -> None:
    """An attack with many pieces within one statement of a net."""

    def attack(size: int) -> str:
        return _net(f"{before}{_filled(size - 300, _each(form), separator)}{after}", **around)

    ATTACKS[name] = attack


def _long(name: str, form: str) -> None:
    """An attack with one long word, in place of each `@` of a whole spec."""

    def attack(size: int) -> str:
        return form.replace("@", "n" * ((size - len(form)) // form.count("@")))

    ATTACKS[name] = attack


# --- Long names and strings
_long("a long label", _net("@: conv(3, 1x1)"))
_long("a long label in a loop", _net("for i in range(2000) { @{i}: conv(3, 1x1) }"))
_long("a long label in repeat", _net("repeat 2000 { conv(3, 1x1) }\n@: conv(3, 1x1)\nrepeat 2000 { reuse(@) }"))
_long("a long label around a loop", _net("@: { repeat 2000 { conv(3, 1x1) } }"))
_long("a long block in a loop", _net("repeat 2000 { @() }", above="block @() { conv(3, 1x1) }"))
_long("a long parameter in a loop", _net("repeat 2000 { A() }", above="block A(@ = 1) { conv(3, 1x1) }"))
_long("a long argument in a loop", _net("repeat 2000 { A(@ = 1) }", above="block A(@ = 2) { conv(3, 1x1) }"))
_long("a long string in a loop", _net('for i in range(2000) { A("@", i) }', above="block A(s, i) { conv(i, 1x1) }"))
_long("a long string as a label", _net("for i in range(2000) { a{s}{i}: conv(3, 1x1) }", above='let s = "@"'))
_long("a long computed name that grows", _net("for i in range(2000) { let s@ = i\n a{s@}: conv(3, 1x1) }"))
_long("a long let in a loop", _net("for i in range(2000) { let @ = i\n conv(3, 1x1) }"))
_long("a long value", _net("@ = conv(3, 1x1)\nrepeat 2000 { add(@) }"))
_long("a long value in a loop", _net("for i in range(2000) { @{i} = conv(3, 1x1)\nadd(@{i}) }"))
_long("a long input", "net N() { input @: 3x8x8\n output y = relu() }")
_long("a long output", "net N() { input x: 3x8x8\n output @ = conv(3, 1x1) }")
_long("a long head", "net N() { input x: 3x8x8\n train output @ = conv(3, 1x1)\n output y = relu() }")
_long("a long net", "net @() { input x: 3x8x8\n output y = conv(3, 1x1) }")
_long("a long model", _net("", head="k = 1") + "model @ = N(k = 2)")
_long("a long pattern", _net('repeat 2000 { rearrange("@ h w -> @ h w") }'))
_long("a long pattern in error", _net('rearrange("@ h w -> h")'))
_long("a long unknown name", _net("conv(@, 1x1)"))
_long("a long unknown operator", _net("@()"))
_long("a long unknown argument", _net("conv(3, 1x1, @ = 1)"))
_long(
    "a long unknown argument in a loop",
    _net("for i in range(2000) { A(i) }", above="block A(i) { conv(3, 1x1, @ = i) }"),
)
_long("a long string in error", _net('conv("@", 1x1)'))
_long("a long name declared twice", _net("let @ = 1\nlet @ = 2"))
_long("a long label twice", _net("@: relu()\n@: relu()"))
_long("a long prefix", _net("for i in range(2000) { @.a{i}: conv(3, 1x1) }"))
_long("a long prefix of prefixes", _net("conv(3, 1x1)").replace("conv", "{}: conv".format(".".join(["@"] * 20))))
_long("a long list of parts", _net("for i in range(2000) { @[i]: conv(3, 1x1) }"))
_long("a long comment", "# @\n" + _net("repeat 2000 { conv(3, 1x1) } # @"))
_long("a long word in use", 'use "@.net" { A }\n' + _net(""))
_long("a long param", _net("repeat 2000 { A() }", above="block A() { param @: [3, 8, 8]\n add(@) }"))
_long(
    "a long axis of a constant", _net("repeat 200 { A() }", above="block A() { constant t[@]: [8] = @ + 1\n add(t) }")
)
_long("a long default", _net("repeat 2000 { conv(3, 1x1) }", above="default conv(@ = 1)"))
_long("a long budget", _net("@: conv(3, 1x1)\n" + "expect @.params < 1\n" * 20))
_long(
    "a long name in nested blocks",
    _net(
        "A2()", above="block @() { conv(3, 1x1) }\nblock A1() { repeat 40 { @() } }\nblock A2() { repeat 40 { A1() } }"
    ),
)
_long(
    "a long label in nested blocks",
    _net("repeat 40 { A2() }", above="block A1() { repeat 40 { conv(3, 1x1) } }\nblock A2() { @: A1() }"),
)
_long("a long figure", _net("expect @ < 1"))
_long("a long number", _net("conv(@, 1x1)"))

# --- Many of each, in a net
_many("stages", "relu()")
_many("convolutions", "conv(@, 1x1)", start=1)
_many("convolutions alike", "conv(3, 1x1)")
_many("labels", "a@: relu()")
_many("values", "a@ = conv(3, 1x1)\na@")
_many("values unused", "a@ = relu()")
_many("lets", "let a@ = @")
_many("lets in a chain", "let a@ = a% + 1", before="let a0 = 0\n", start=1)
_many("a list that grows", "let a@ = a% + [@]", before="let a0 = [0]\n", start=1)
_many("a string that grows", "let a@ = [a%, a%]", before="let a0 = [0]\n", start=1)
_many("a power that grows", "let a@ = a% ** 2", before="let a0 = 3\n", start=1)
_many("inputs", "input x@: 3x8x8\nadd(x@)")
_many("inputs unused", "input x@: 3x8x8")
_many("outputs", "output y@ = relu()")
_many("heads", "train output y@ = conv(3, 1x1) weight 0.1")
_many("defaults", "default conv(padding = @)")
_many("defaults of all kinds", "default conv(stride = 1)\ndefault relu()\ndefault batchnorm(eps = 0.1)")
_many("inits", "init conv(weight = normal(0.0@))", start=1, before="conv(3, 1x1)\n")
_many("inits of parts", "a@: conv(3, 1x1)\ninit a@(weight = normal(0.01))")
_many("params", "param p@: [3, 8, 8]\nadd(p@)")
_many("constants", "constant t@[i]: [8] = i\nadd(t@)")
_many("buffers", "buffer t@[i]: [8] = i\nadd(t@)")
_many("groups", "a@: { relu() }")
_many("groups without a label", "{ relu() }")
_many("branches", "concat { relu(); relu() }\nconv(3, 1x1)")
_many("conditions", "if @ > 1 { relu() } else { tanh() }")
_many("conditions that hold nothing", "if @ < 0 { relu() }")
_many("loops", "repeat 2 { relu() }")
_many("loops of nothing", "repeat 2 { }")
_many("loops over items", "for i in [@, 1] { relu() }")
_many("comments", "# a remark of a few words @")
_many("comments behind", "relu() # a remark @")
_many("blank lines", "")
_many("blank lines and spaces", "    ")
_many("statements on a line", "relu()", separator="; ")
_many("stages on a line", "relu()", separator=" -> ")
_many("contracts", "relu() => 3x8x8")
_many("contracts broken", "relu() => 4x8x8")
_many("reuses", "reuse(a)", before="a: conv(3, 1x1)\n")
_many("reuses of a group", "reuse(a)", before="a: { conv(3, 1x1) -> relu() -> conv(3, 1x1) }\n")
_many("reuses of the part before", "a@: { reuse(a%) }", before="a0: conv(3, 1x1)\n", start=1)
_many("parts of a prefix", "p.a@: conv(3, 1x1)")
_many("prefixes", "p@.a: conv(3, 1x1)")
_many("items of a list of parts", "p[@]: conv(3, 1x1)")
_many("a list of parts, read", "p[@] = relu()\np[%]", start=1, before="p[0] = relu()\n")
_many("whole lists", "p[@] = relu()\nlet a@ = p", start=0)
_many("expects params", "expect params < 1000")
_many("expects macs", "expect macs < 1000M")
_many("expects depth", "expect depth < 10")
_many("expects receptive field", "expect receptive_field < 10", before="conv(3, 3x3)\n")
_many("expects memory", "expect memory > 1", before="repeat 2000 { relu() }\n")
_many("expects training memory", "expect train.memory > 1", before="repeat 2000 { conv(3, 1x1) }\n")
_many("expects of a label", "expect a.params < 1000", before="a: { repeat 2000 { conv(3, 1x1) } }\n")
_many("expects of each label", "a@: conv(3, 1x1)\nexpect a@.params < 1000")
_many("expects memory of each label", "a@: { conv(3, 1x1) -> relu() }\nexpect a@.memory > 0")
_many("expects depth of each label", "a@: { conv(3, 1x1) -> relu() }\nexpect a@.depth > 0 and a@.receptive_field > 0")
_many("expects of all, broken", "expect params < 1 and macs < 1", before="repeat 2000 { conv(3, 1x1) }\n")
_many("expects of an unknown", "expect nothing < 1")
_many("unknown operators", "u@()")
_many("unknown operators alike", "u()")
_many("unknown names", "let a@ = b@")
_many("unknown arguments", "relu(a@ = 1)")
_many("unknown labels", "reuse(a@)")
_many("unknown values", "b@ -> relu()")
_many("names declared twice", "let a = 1")
_many("labels twice", "a: relu()")
_many("bad arguments", "conv(-1, 1x1)")
_many("bad shapes", "linear(3) => 5\nflatten() => 7")
_many("bad syntax", "relu(((\n")
_many("bad tokens", "let a@ = $")
_many("bad strings", 'let a@ = "')
_many("one brace", "}")
_many("braces", "{ }")
_many("errors in a loop", "for i in range(100) { conv(i, 1x1, nothing = @) }")
_many("dead stages", "a@ = conv(3, 1x1)")

# --- Many of each, above a net
_above("blocks", "block B@() { relu() }")
_above("blocks in a row", "block B@() { B%() }", before="block B0() { relu() }\n", start=1)
_above("blocks used once", "block B@() { relu() }", body="B0()")
_above("blocks of many parameters", "block B@(a, b = 1, c = [1, 2], d = none) { conv(a, 1x1) }")
_above("file lets", "let a@ = @")
_above("file lets in a chain", "let a@ = a% + 1", before="let a0 = 0\n", start=1)
_above("file defaults", "default conv(padding = same)", body="repeat 2000 { conv(3, 1x1) }")
_above("nets", "net M@() { input x: 3x8x8; output y = conv(3, 1x1) }")
_above("nets with a budget", "net M@() { input x: 3x8x8; output y = conv(3, 1x1); expect params < 1 }")
_above("nets that need values", "net M@(k) { input x: 3x8x8; output y = conv(k, 1x1) }")
_above("uses", 'use "b@.net" { A }')
_above("uses of one file", 'use "std/conv.net" { A@ }')
_above("blocks declared twice", "block B() { relu() }")


def _models(name: str, line: str, net: str) -> None:
    ATTACKS[name] = lambda size: net + _filled(size - len(net) - 10, _each(line))


_models("models", "model m@ = N(@)", _net("", head="k = 1", output="conv(k + 1, 1x1)"))
_models("models alike", "model m = N(1)", _net("", head="k = 1", output="conv(k + 1, 1x1)"))
_models("models of a large net", "model m@ = N(@)", _net("repeat 400 { conv(k + 1, 1x1) }", head="k = 1"))
_models(
    "models with a budget", "model m@ = N(@) { expect params < 1 }", _net("", head="k = 1", output="conv(k + 1, 1x1)")
)
_models("models of an unknown net", "model m@ = M(@)", _net(""))
_models("models in error", "model m@ = N(q = @)", _net("", head="k = 1"))
_models("models with documentation", "# Model @.\nmodel m@ = N(@)", _net("", head="k = 1", output="conv(k + 1, 1x1)"))


def _used(name: str, parameter: str, turns: int, use: str = "A()", kept: str = "conv(3, 1x1)") -> None:
    def attack(size: int) -> str:
        above = f"block A({_filled(size - 400, _each(parameter), ', ')}) {{ {kept} }}"
        return _net(f"repeat {turns} {{ {use} }}", above=above)

    ATTACKS[name] = attack


_used("parameters, used 3,000 times", "a@ = @", 3_000)
_used("parameters in a chain", "a@ = a%", 3_000)
ATTACKS["parameters in a chain"] = lambda size: _net(
    "repeat 3000 { A(1) }", above=f"block A(a0, {_filled(size - 400, _each('a@ = a%', 1), ', ')}) {{ conv(3, 1x1) }}"
)
ATTACKS["parameters of a net"] = lambda size: _net("conv(3, 1x1)", head=_filled(size - 300, _each("a@ = @"), ", "))
ATTACKS["parameters of a net, and models"] = lambda size: (
    _net("conv(3, 1x1)", head=_filled(size // 2, _each("a@ = @"), ", "))
    + _filled(size // 2 - 400, _each("model m@ = N(@)"))
)
ATTACKS["parameters and uses"] = lambda size: _net(
    _filled(size // 2, _each("A(@)")), above=f"block A({_filled(size // 2 - 400, _each('a@ = @'), ', ')}) {{ relu() }}"
)
ATTACKS["statements of a block, used 3,000 times"] = lambda size: _net(
    "repeat 3000 { A() }", above=f"block A() {{ {_filled(size - 400, _each('let a@ = @'))}\nrelu() }}"
)
ATTACKS["statements of a block, each use unlike"] = lambda size: _net(
    "for i in range(3000) { A(i) }", above=f"block A(i) {{ {_filled(size - 400, _each('let a@ = @'))}\nrelu() }}"
)
ATTACKS["arguments, in a loop"] = lambda size: _net(
    f"repeat 3000 {{ A({_filled(size // 2 - 200, _each('a@ = @'), ', ')}) }}",
    above=f"block A({_filled(size // 2 - 200, _each('a@ = @'), ', ')}) {{ relu() }}",
)
ATTACKS["statements in a loop of ifs"] = lambda size: _net(
    f"for i in range(50000) {{ if i == 0 {{ {_filled(size - 400, _each('let a@ = @'))} }} }}"
)
ATTACKS["lets in a loop"] = lambda size: _net(
    f"for i in range(100000) {{ {_filled(size - 400, _each('let a@ = @'))} }}"
)
ATTACKS["arms of an if, in a loop"] = lambda size: _net(
    "for i in range(50000) { " + _filled(size - 400, _each("if i == -@ { relu() }", 1), " else ") + " }"
)
ATTACKS["a condition, in a loop"] = lambda size: _net(
    "for i in range(50000) { if " + _filled(size - 400, _each("i == -@", 1), " or ") + " { relu() } }"
)
ATTACKS["an expression, in a loop"] = lambda size: _net(
    "for i in range(50000) { let a = [" + _filled(size - 400, _each("i + @", 1), ", ") + "] }"
)
ATTACKS["a list, in a loop"] = lambda size: _net(
    "for i in range(50000) { let a = [" + _filled(size - 400, _each("@", 1), ", ") + "] }"
)
ATTACKS["a list, in a loop of stages"] = lambda size: _net(
    "for i in range(20000) { let a = [" + _filled(size - 400, _each("@", 1), ", ") + "]\n relu() }"
)
ATTACKS["branches"] = lambda size: _net("add { " + _filled(size - 300, _each("relu()"), "; ") + " }")
ATTACKS["branches of concat"] = lambda size: _net("concat { " + _filled(size - 300, _each("conv(1, 1x1)"), "; ") + " }")
ATTACKS["branches of branches"] = lambda size: _net(
    "add { " * 40 + _filled(size - 900, _each("relu()"), "; ") + " }" * 40
)
ATTACKS["values given to add"] = lambda size: _net("a = relu()\nadd(" + _filled(size - 300, _each("a"), ", ") + ")")
ATTACKS["values in a list"] = lambda size: _net(
    "a = relu()\n[" + _filled(size - 300, _each("a"), ", ") + "] -> concat()"
)
ATTACKS["outputs of a split"] = lambda size: _net("(" + _filled(size - 300, _each("a@"), ", ") + ") = chunk(3)")
ATTACKS["lists that nest"] = lambda size: _net("let a = " + "[" * 99 + _filled(size - 800, _each("@"), ", ") + "]" * 99)
ATTACKS["many nested lists"] = lambda size: _net("let a = [" + _filled(size - 800, _each("[[[[[[@]]]]]]"), ", ") + "]")
ATTACKS["an input of many axes"] = lambda size: _net("", input="[" + _filled(size - 300, _each("1"), ", ") + "]")
ATTACKS["a sum"] = lambda size: _net("let a = " + _filled(size - 300, _each("@"), " + "))
ATTACKS["a conjunction"] = lambda size: _net("expect " + _filled(size - 300, _each("params > -@", 1), " and "))
ATTACKS["a conjunction of memory"] = lambda size: _net(
    "repeat 2000 { relu() }\nexpect " + _filled(size - 300, _each("memory > -@", 1), " and ")
)
ATTACKS["a comparison of strings"] = lambda size: _net(
    f'let a = "{"s" * min(size // 3, 990)}"\nlet b = "{"s" * min(size // 3, 990)}"\n'
    "for i in range(50000) { if a == b { } }"
)
ATTACKS["strings in a list"] = lambda size: _net(
    "let a = [" + _filled(size - 300, _each('"s@"'), ", ") + ']\nfor i in range(50000) { if "x" in a { } }'
)
ATTACKS["a chain of conditionals"] = lambda size: _net(
    "let a = " + _filled(size - 300, _each("(@ if 1 < 0 else"), " ") + " 1" + ")" * 90
)
ATTACKS["a chain of powers"] = lambda size: _net("let a = " + _filled(size - 300, _each("1"), " ** "))
ATTACKS["a chain of minus"] = lambda size: _net("let a = " + "-" * (size - 300) + "1")
ATTACKS["a chain of not"] = lambda size: _net("let a = " + "not " * ((size - 300) // 4) + "true")
ATTACKS["a chain of calls"] = lambda size: _net("let a = f" + "()" * ((size - 300) // 2))
ATTACKS["a chain of attributes"] = lambda size: _net("let a = x" + ".shape" * ((size - 300) // 6))
ATTACKS["a chain of labels"] = lambda size: _net("a" + ".b" * ((size - 300) // 2) + ": relu()")
ATTACKS["a chain of indices"] = lambda size: _net("let a = x" + "[0]" * ((size - 300) // 3))
ATTACKS["a chain of indices as a label"] = lambda size: _net("a" + "[0]" * ((size - 300) // 3) + ": relu()")
ATTACKS["a computed name of parts"] = lambda size: _net("a" + "{1}" * ((size - 300) // 3) + ": relu()")
ATTACKS["a computed name, in a loop"] = lambda size: _net(
    "for i in range(2000) { a" + "{i}" * ((size - 300) // 3) + ": relu() }"
)
ATTACKS["a chain of else"] = lambda size: _net("if 1 < 0 { } " + _filled(size - 300, _each("else if @ < 0 { }"), " "))
ATTACKS["then, many times"] = lambda size: _net(_filled(size - 300, _each("conv(3, 1x1, then = relu())")))
ATTACKS["then, a long chain"] = lambda size: _net(
    "conv(3, 1x1, then = " + _filled(size - 300, _each("relu()"), " -> ") + ")"
)
ATTACKS["then, a long chain in a loop"] = lambda size: _net(
    "repeat 100000 { conv(3, 1x1) }", above="default conv(then = " + _filled(size - 300, _each("relu()"), " -> ") + ")"
)
ATTACKS["kept calls in a chain"] = lambda size: _net(
    "let a0 = relu\n" + _filled(size - 300, _each("let a@ = a%()", 1)) + "\na9()"
)
ATTACKS["default chains"] = lambda size: _net(
    "conv(3, 1x1)", above=_filled(size - 300, _each("default conv(then = relu() -> conv(@, 1x1))", 1))
)
ATTACKS["a pattern of many axes"] = lambda size: _net(
    'rearrange("'
    + _filled(size // 2 - 300, _each("a@"), " ")
    + " -> "
    + _filled(size // 2 - 300, _each("a@"), " ")
    + '")'
)
ATTACKS["a pattern of ones"] = lambda size: _net(
    'rearrange("c h w -> c h w ' + _filled(size - 300, _each("1"), " ") + '")'
)
ATTACKS["a table's formula"] = lambda size: _net(
    "constant t[i]: [8] = " + _filled(size - 300, _each("i * @"), " + ") + "\nadd(t)"
)
ATTACKS["a formula of constants"] = lambda size: _net(
    "constant t0[i]: [8] = i\n" + _filled(size - 300, _each("constant t@[i]: [8] = t%[i]", 1)) + "\nadd(t0)"
)
ATTACKS["nested groups"] = lambda size: _net(_filled(size - 300, _each("{ { { { { { { { relu() } } } } } } } }")))
ATTACKS["nested blocks"] = lambda size: _net(
    "B40()", above="block B0() { relu() }\n" + _filled(size - 300, _each("block B@() { B%() }", 1))
)
ATTACKS["nested labels"] = lambda size: _net(
    _filled(size - 300, _each("b@: { " + "a: { " * 90 + "conv(3, 1x1)" + "} " * 90 + "}"))
)
ATTACKS["blocks that double"] = lambda size: _net(
    "B10()", above="block B0() { conv(3, 1x1) }\n" + _filled(size - 300, _each("block B@() { B%() -> B%() }", 1))
)
ATTACKS["deep labels that double"] = lambda size: _net(
    "B10()",
    above="block B0() { conv(3, 1x1) }\n"
    + _filled(size - 300, _each("block B@() { " + "n" * 200 + ": B%()\n m: B%() }", 1)),
)
ATTACKS["zips"] = lambda size: _net("let a = range(99999)\n" + _filled(size - 300, _each("let b@ = zip(a, a)")))
ATTACKS["enumerations"] = lambda size: _net(
    "let a = range(99999)\n" + _filled(size - 300, _each("let b@ = enumerate(a)"))
)
ATTACKS["ranges"] = lambda size: _net(_filled(size - 300, _each("let b@ = range(99999)")))
ATTACKS["ranges in stages"] = lambda size: _net(_filled(size - 300, _each("let b@ = range(9999)\nrelu()\nrelu()")))
ATTACKS["comprehensions"] = lambda size: _net(_filled(size - 300, _each("let b@ = [i for i in range(99)]")))
ATTACKS["errors with long lists"] = lambda size: _net(
    "let a = range(99999)\n" + _filled(size - 300, _each("conv(a, 1x1)"))
)
ATTACKS["errors in blocks in blocks"] = lambda size: _net(
    _filled(size // 2, _each("B@()")), above=_filled(size // 2 - 300, _each("block B@() { conv(-1, 1x1) }"))
)
ATTACKS["random words"] = lambda size: _filled(size, _each("word@ other@ ("))
ATTACKS["brackets"] = lambda size: "(" * size
ATTACKS["brackets closed"] = lambda size: _net("let a = [" + "()," * (size // 3 - 200) + "]")
ATTACKS["a string without an end"] = lambda size: _net('let a = "' + "s" * (size - 300))
ATTACKS["tokens that are none"] = lambda size: "$" * size
ATTACKS["arrows"] = lambda size: _net("-> " * (size // 3 - 200))
ATTACKS["semicolons"] = lambda size: _net(";" * (size - 300))
ATTACKS["digits"] = lambda size: _net("let a = " + "9" * (size - 300))
ATTACKS["a size of many axes"] = lambda size: _net("let a = " + _filled(size - 300, _each("3"), "x"))
ATTACKS["wide characters"] = lambda size: _net("# " + "\u4e16" * (size // 3 - 200))
ATTACKS["tabs"] = lambda size: _net("\t" * (size - 300))
ATTACKS["one long line of stages"] = lambda size: (
    "net N() { input x: 3x8x8; " + _filled(size - 300, _each("relu(q@)"), "; ") + "; output y = relu() }"
)
ATTACKS["a count that is a name"] = lambda size: _net(
    "repeat k { " + _filled(size - 300, _each("relu()"), "; ") + " }", head="k = 100000"
)
ATTACKS["a list of a count that is a name"] = lambda size: _net(
    "for i in range(k) { " + _filled(size - 300, _each("conv(i + 1, 1x1)"), "; ") + " }", head="k = 100000"
)
ATTACKS["labels in a loop"] = lambda size: _net(
    "for i in range(k) { " + _filled(size - 300, _each("a@_{i}: relu()"), "; ") + " }", head="k = 100000"
)
ATTACKS["parts of a group, read"] = lambda size: _net(
    f"a: {{ {_filled(size // 3, _each('b@: conv(3, 1x1)'))} }}\n" + _filled(size // 3, _each("reuse(a.b@)"))
)
ATTACKS["a chain of prefixes, read"] = lambda size: _net(
    "p" + ".b" * 150 + ": conv(3, 1x1)\n" + _filled(size - 1000, _each("reuse(p" + ".b" * 150 + ")"))
)
ATTACKS["constants of many elements"] = lambda size: _net(
    _filled(size - 300, _each("constant t@[i]: [400000] = i")), above=""
)
ATTACKS["a constant with a long formula"] = lambda size: _net(
    "constant t[i]: [3, 8, 8] = [" + _filled(size - 300, _each("i + @"), ", ") + "][0]\nadd(t)"
)
ATTACKS["parameters of a block, and models"] = lambda size: (
    f"block A({_filled(size // 2, _each('a@'), ', ')}) {{ relu() }}\n"
    + _net("")
    + _filled(size // 2 - 400, _each("model m@ = N()"))
)

# --- Numbers and names that cost more than their letters
_ALIKE = "a" * 40
_many("unknown names like known ones", f"let {_ALIKE}@ = 1\nlinear({_ALIKE}z@)")
_above("lines of comments", "#")
ATTACKS["lists of the same lists"] = lambda size: _net(
    "".join(f"let {name} = [{item}] * {size // 8}\n" for name, item in (("a", 0), ("b", "a"), ("c", "b")))
)
ATTACKS["a shape of many axes"] = lambda size: _net("", input="x".join(["9"] * (size // 2 - 50)))
ATTACKS["a contract of many axes"] = lambda size: _net(f"relu() => [{', '.join(['9'] * (size // 3 - 50))}]")
ATTACKS["a list of one long text, in messages"] = lambda size: _net(
    f'let a = ["{"s" * min(size // 3, 900)}"] * {size // 4}\nparam p: a\nadd(p)'
)
