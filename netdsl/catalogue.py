"""From what a person names to a spec: a path, `PATH:MODEL`, `-` for standard input, or a built-in model.

Built-in models lie in the folder `specs`. Which file has which model is found by looking for the heads of nets and
models in its text, since parsing all files to list them would take a second.
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from netdsl.limits import Limits
from netdsl.text.codes import CANNOT_READ, UNKNOWN_MODEL
from netdsl.text.diagnostic import Diagnostic, did_you_mean
from netdsl.text.errors import SpecError
from netdsl.text.read import read_source
from netdsl.text.source import Source, Span

if TYPE_CHECKING:
    from netdsl.elaborate.files.imports import Reader

SUFFIX = ".net"

_HEAD = re.compile(r"^[ \t]*(?:model[ \t]+(?P<model>\w+)[ \t]*=[ \t]*(?P<of>\w+)|net[ \t]+(?P<net>\w+))", re.MULTILINE)
_REMARK = re.compile(r"^[ \t]*#+[ \t]*(.*?)[ \t]*$")


class Spec(NamedTuple):
    """A spec as read, and the model asked for in it; None stands for its only one."""

    source: Source
    model: str | None
    root: str | Reader | None
    """The folder that its `use` statements may reach, or what gives them files; None for standard input."""


class BuiltIn(NamedTuple):
    """A built-in model: the file that has it, and the first line of its documentation."""

    name: str
    path: str
    doc: str


def read_spec(spec: str, limits: Limits = Limits()) -> Spec:
    """The spec that a name stands for; raises SpecError if there is none, or it cannot be read."""
    path, model = _split(spec)
    if path == "-":
        return Spec(read_source(path, limits), model, None)
    if not _is_path(path):
        if model is None and (own := _built_in(path)) is not None:
            return Spec(read_source(own.path, limits), own.name, os.path.dirname(own.path))
        # The name of a file of several models, so that the error can list them.
        built_in = os.path.join(specs_folder(), path + SUFFIX)
        if not os.path.isfile(built_in):
            raise _unknown(path)
        path = built_in
    return Spec(read_source(path, limits), model, os.path.dirname(os.path.abspath(path)))


def specs_folder() -> str:
    """The folder of the built-in specs: within the installed package, or beside it in a checkout."""
    package = os.path.dirname(os.path.abspath(__file__))
    installed = os.path.join(package, "specs")
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(package), "specs")


@cache
def built_ins() -> dict[str, BuiltIn]:
    """Every built-in model (`BuiltIn`) by name, in the order of the alphabet."""
    folder = specs_folder()
    try:
        files = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
    except OSError:
        files = []
    models = {model.name: model for name in files for model in _models_in(os.path.join(folder, name))}
    return dict(sorted(models.items(), key=lambda pair: _natural(pair[0])))


def first_models() -> list[str]:
    """The model that stands first in each built-in spec: one of every architecture."""
    models = built_ins()
    paths = sorted({model.path for model in models.values()})
    return [next(name for name in (model.name for model in _models_in(path)) if name in models) for path in paths]


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts `vgg9` before `vgg16`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _built_in(name: str) -> BuiltIn | None:
    # Most models have a file of their own name, and then no other file needs to be read.
    own = os.path.join(specs_folder(), name + SUFFIX)
    if os.path.isfile(own):
        for model in _models_in(own):
            if model.name == name:
                return model
    return built_ins().get(name)


def _models_in(path: str) -> list[BuiltIn]:
    """The models of a file: those named, and nets that no model names."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return []
    heads = list(_HEAD.finditer(text))
    families = {head["of"] for head in heads if head["model"]}
    models = []
    for head in heads:
        if head["model"] or head["net"] not in families:
            name = head["model"] or head["net"].lower()
            models.append(BuiltIn(name, path, _doc_above(text, head.start()) or _first_remark(text)))
    return models


def _doc_above(text: str, at: int) -> str:
    """The first line of the `##` remarks that stand right above a place."""
    doc = ""
    for line in reversed(text[:at].splitlines()):
        if not line.lstrip().startswith("##"):
            break
        doc = line.lstrip("# \t").rstrip()
    return doc


def _first_remark(text: str) -> str:
    remark = _REMARK.match(text.partition("\n")[0])
    return remark[1] if remark else ""


def _split(spec: str) -> tuple[str, str | None]:
    """`PATH:MODEL` as two, other names as they are."""
    if os.path.isfile(spec):
        return spec, None
    path, colon, model = spec.rpartition(":")
    if colon and path and model.isidentifier():
        return path, model
    return spec, None


def _is_path(name: str) -> bool:
    return os.path.isfile(name) or name.endswith(SUFFIX) or "/" in name or os.sep in name


def _unknown(name: str) -> SpecError:
    span = Span(Source(name, ""), 0, 0)
    if os.path.exists(name):
        return SpecError([Diagnostic(CANNOT_READ, f"cannot read `{name}`: it is not a regular file", span)])
    names = list(built_ins())
    guess = did_you_mean(name, names) or (f"did you mean `{name}{SUFFIX}`?" if os.path.isfile(name + SUFFIX) else "")
    help = f"{guess} `netdsl specs` lists the built-in models".lstrip()
    return SpecError([Diagnostic(UNKNOWN_MODEL, f"there is no file and no built-in model `{name}`", span, help=help)])
