"""Names of one language in the spelling of another."""

from __future__ import annotations

import re

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake_case(name: str) -> str:
    """`ConvNormAct` as `conv_norm_act`, `MLPConv` as `mlp_conv`."""
    return _WORDS.sub("_", name).lower()
