"""What is installed beside netdsl: entry points of a group, in the packages of the environment.

An entry point is asked for by the name under which it is registered. That name selects among what is installed, and
is never made into the name of a module: what is imported is written in the metadata of the package.

Reading the metadata of all packages takes longer than checking a spec, so it is done only where a name is not ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from importlib.metadata import EntryPoint

_LOADED: dict[str, str] = {}
"""The distributions of the packages that were loaded, by the first part of their modules' names."""


class PlugInError(Exception):
    """A plug-in that is installed and cannot be used: the message names its distribution, `help` tells the way out."""

    def __init__(self, distribution: str, message: str) -> None:
        super().__init__(message)
        self.distribution = distribution
        self.message = message
        name = distribution.partition(" ")[0]
        self.help = f"mend the package, or take it away: `pip uninstall {name}`"


def installed(group: str) -> list[EntryPoint]:
    """The entry points of a group, by name."""
    from importlib.metadata import entry_points

    return sorted(entry_points(group=group), key=lambda point: point.name)


def distribution_of(point: EntryPoint) -> str:
    """The name and version of the package that an entry point came with."""
    package = point.dist
    return f"{package.name} {package.version}" if package is not None else "of an unknown name"


def load(point: EntryPoint) -> Any:
    """What an entry point leads to; raises PlugInError, whatever goes wrong in it."""
    distribution = distribution_of(point)
    _LOADED[point.module.partition(".")[0]] = distribution
    try:
        return point.load()
    except (Exception, SystemExit) as error:
        raise broken(point, f"{type(error).__name__}: {str(error).strip() or 'no message'}") from error


def load_all(group: str, load_one: Callable[[EntryPoint], object] = load) -> list[PlugInError]:
    """Loads all entry points of a group; returns what is wrong with some of them."""
    failed = []
    for point in installed(group):
        try:
            load_one(point)
        except PlugInError as error:
            failed.append(error)
    return failed


def broken(point: EntryPoint, why: str) -> PlugInError:
    """The error of a plug-in that cannot be used, for a reason."""
    distribution = distribution_of(point)
    line = " ".join(why.split())
    return PlugInError(distribution, f"the plug-in `{point.name}` of `{distribution}` cannot be used: {line}")


def at_fault(error: BaseException) -> PlugInError | None:
    """The error of the plug-in in whose code an exception arose, if it was in one."""
    if not _LOADED:
        return None
    for module in reversed(list(_modules(error))):
        failure = failed(module, f"{type(error).__name__}: {error}")
        if failure is not None:
            return failure
    return None


def failed(module: str, why: str) -> PlugInError | None:
    """The error of the plug-in that a module belongs to, if it belongs to one."""
    distribution = _LOADED.get(module.partition(".")[0])
    if distribution is None:
        return None
    return PlugInError(distribution, f"the plug-in `{distribution}` failed: {' '.join(why.split())}")


def _modules(error: BaseException) -> Iterator[str]:
    """The modules through which an exception came, from the outermost."""
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_globals.get("__name__") or ""
        trace = trace.tb_next
