"""Options that a backend or a pass declares: the command line, its help and its messages follow from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Option:
    """One option: `name` in small letters and hyphens, `doc` what it does, in some words.

    The type of `default` is its type: a flag (False), a whole number, or a text, one of `choices` if there are any.
    """

    name: str
    doc: str
    default: bool | int | str = False
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"an option is named in small letters and hyphens, not {self.name!r}")
        if self.default is True:
            raise ValueError(f"the flag `{self.name}` is off unless it is given")

    @property
    def is_flag(self) -> bool:
        return self.default is False

    @property
    def takes(self) -> str:
        """What it takes, for messages; nothing for a flag."""
        if self.is_flag:
            return ""
        if self.choices:
            return " or ".join(f"`{choice}`" for choice in self.choices)
        return "a text" if isinstance(self.default, str) else "a whole number"

    def parsed(self, text: str) -> int | str:
        """The value that a text stands for; raises ValueError."""
        if isinstance(self.default, str):
            if self.choices and text not in self.choices:
                raise ValueError(f"takes {self.takes}, not `{text}`")
            return text
        if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
            raise ValueError(f"takes {self.takes}, not `{text}`")
        return int(text)


def defaults(options: tuple[Option, ...]) -> Mapping[str, Any]:
    """The values of options that nobody gave, by name."""
    return {option.name: option.default for option in options}
