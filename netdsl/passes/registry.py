"""Which passes there are: netdsl's own, and those of packages that register some under `netdsl.passes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from netdsl.text.codes import BAD_OPTION, PLUG_IN, UNKNOWN_PASS
from netdsl.text.diagnostic import Diagnostic, did_you_mean
from netdsl.text.errors import SpecError
from netdsl.text.source import Source, Span

if TYPE_CHECKING:
    from netdsl.extension.options import Option
    from netdsl.passes.interface import Pass

GROUP = "netdsl.passes"
FLAG = "--pass"


class _Ours(NamedTuple):
    """Where a pass of netdsl's stands, and its line of help, for which it need not be imported. `is_flag` tells whether
    `--NAME` is short for `--pass NAME`."""

    module: str
    attribute: str
    doc: str
    is_flag: bool = False


OURS: dict[str, _Ours] = {
    "merge-siblings": _Ours(
        "netdsl.passes.merge_siblings",
        "MergeSiblings",
        "run alike convolutions of one input, as those of an inception module, as one",
        is_flag=True,
    )
}
"""netdsl's own passes."""


def parse_pass(text: str, source: str = FLAG) -> Pass:
    """The pass that a text asks for: `NAME`, or `NAME:OPTION=VALUE,…`. `source` tells where the text stands.

    Raises SpecError. The name only selects among what has registered itself.
    """
    where = Source(source, text)
    name, _, rest = text.partition(":")
    kind = _find(name.strip(), Span(where, 0, len(name)))
    given: dict[str, Any] = {}
    start = len(name) + 1
    for part in rest.split(",") if rest else []:
        span = Span(where, start, start + len(part))
        start += len(part) + 1
        key, value = _option(kind, part.strip(), span)
        given[key] = value
    return kind(given)


def _find(name: str, span: Span) -> type[Pass]:
    if name in OURS:
        from importlib import import_module

        ours: type[Pass] = getattr(import_module(OURS[name].module), OURS[name].attribute)
        return ours
    from netdsl.extension.installed import PlugInError, broken, installed, load
    from netdsl.passes.interface import Pass

    points = [point for point in installed(GROUP) if point.name not in OURS]
    for point in points:
        if point.name != name:
            continue
        try:
            pass_ = load(point)
            if not (isinstance(pass_, type) and issubclass(pass_, Pass)):
                raise broken(point, "a pass is a class made from `netdsl.passes.interface.Pass`")
            if getattr(pass_, "name", None) != name:
                raise broken(point, f"its name is {getattr(pass_, 'name', None)!r}, and it is registered as `{name}`")
        except PlugInError as error:
            raise SpecError([Diagnostic(PLUG_IN, error.message, span, help=error.help)]) from error
        return pass_
    names = sorted({*OURS, *(point.name for point in points)})
    help = did_you_mean(name, names) or f"a package that registers it under `{GROUP}` brings it: pip install it"
    known = f"there {'is' if len(names) == 1 else 'are'} " + ", ".join(f"`{other}`" for other in names)
    raise SpecError([Diagnostic(UNKNOWN_PASS, f"there is no pass `{name}`", span, known, help=help)])


def _option(kind: type[Pass], part: str, span: Span) -> tuple[str, Any]:
    """The name and the value of one option; a flag may stand alone."""
    name, equals, value = (text.strip() for text in part.partition("="))
    options: dict[str, Option] = {option.name: option for option in kind.options}
    if name not in options:
        known = ", ".join(f"`{option_name}`" for option_name in options) or "none"
        message = f"the pass `{kind.name}` has no option `{name}`"
        raise SpecError([Diagnostic(BAD_OPTION, message, span, f"its options: {known}")])
    option = options[name]
    why = ""
    if option.is_flag:
        if (not equals) or value in ("true", "false"):
            return name, not equals or value == "true"
        why = f"is a flag: `{name}` alone turns it on"
    else:
        try:
            return name, option.parsed(value)
        except ValueError as error:
            why = str(error)
    raise SpecError([Diagnostic(BAD_OPTION, f"`{name}` of the pass `{kind.name}` {why}", span)])
