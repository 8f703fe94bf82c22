"""Kinds of failures that are known and are being mended, each with the reason: a batch counts them, and goes on.

To be empty.
"""

from __future__ import annotations

import re

NOT_YET: dict[str, str] = {
    r"the file runs.*: NameError: name … is not defined": "a label with two prefixes: a class used before it stands",
    r"state_dict is without": "a list of parts filled by two loops",
    r"dtype must be|TypeError: … object is not iterable": "a loop before a labelled part in a sequence",
    r"the file parses: invalid syntax|object has no attribute …": "an element of a list as a head",
    r"KeyError: …t contain": "a label with a dot in a sequence",
    r"other arguments: …: .*has shape": "sizes of the elements of a list that a block takes",
    r"other arguments: .*where the spec refuses": "an argument that broadcasting makes right by chance",
}
"""Patterns of the kinds of verdicts, and why they are not mended yet."""


def known(kind: str) -> bool:
    return any(re.search(pattern, kind) for pattern in NOT_YET)
