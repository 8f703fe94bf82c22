"""The catalogue of diagnostics: every code, declared once.

Groups: E00 text and syntax, E01 names, E02 values and arguments, E03 shapes, E04 contracts and budgets, E05 structure
of a network, E06 files and imports, E07 backends, passes and plug-ins, E08 not yet, E09 limits, W warnings.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A stable identifier and one sentence that says what the diagnostic means in general."""

    id: str
    title: str

    def __str__(self) -> str:
        return self.id


CODES: dict[str, Code] = {}


def _code(id: str, title: str) -> Code:
    code = Code(id, title)
    assert id not in CODES, id
    CODES[id] = code
    return code


# --- E00: text and syntax
SYNTAX = _code("E0001", "The text does not follow the grammar")
UNCLOSED = _code("E0002", "A bracket is never closed")
BAD_CHARACTER = _code("E0003", "A character that no spec may contain")
BAD_ENCODING = _code("E0004", "The file is not UTF-8")
BAD_NUMBER = _code("E0005", "A number is written in a form that the language does not have")
BAD_LABEL = _code("E0006", "A label, target or pattern of a form that cannot name a part or value")
MISPLACED = _code("E0007", "A statement stands where it may not")

# --- E01: names
UNKNOWN_NAME = _code("E0101", "A name that is not in scope")
UNKNOWN_OPERATOR = _code("E0102", "A call of an operator or block that does not exist")
DUPLICATE_NAME = _code("E0103", "A name is declared twice in one scope")
RESERVED_NAME = _code("E0104", "A name that Python, `nn.Module` or an emitted file keeps for itself")
UNKNOWN_ATTRIBUTE = _code("E0105", "An attribute that the value does not have")
UNKNOWN_MODEL = _code("E0106", "The file has no such model")
MODEL_NOT_NAMED = _code("E0107", "The file has several models, and none was asked for")
NO_MODEL = _code("E0108", "The file has no model")
UNKNOWN_PARAMETER = _code("E0109", "A `--param` or `--input` that the net does not declare")
NAME_CLASH = _code("E0110", "Two parts would get the same name; one needs a label")

# --- E02: values and arguments
BAD_ARGUMENT = _code("E0201", "An argument has the wrong type or is out of its bounds")
MISSING_ARGUMENT = _code("E0202", "A required argument is missing")
UNKNOWN_ARGUMENT = _code("E0203", "An argument that the operator or block does not take")
REPEATED_ARGUMENT = _code("E0204", "An argument is given twice, or more are given than are taken")
BAD_VALUE = _code("E0205", "An operation on values of the wrong kind")
ARITHMETIC = _code("E0206", "Arithmetic that has no result")
BAD_PATTERN = _code("E0207", "A list does not fit the pattern that takes it apart")
BAD_INDEX = _code("E0208", "An index is beyond what it chooses from")

# --- E03: shapes
BRANCH_SHAPES = _code("E0301", "The branches of a combine do not fit together")
BAD_RANK = _code("E0302", "An operator is given a tensor of the wrong rank")
EMPTY_OUTPUT = _code("E0303", "A window does not fit into its input")
BAD_SHAPE = _code("E0304", "An operator cannot be applied to this shape")
NOT_A_STAGE = _code("E0305", "A value that is not a tensor stands where a tensor is due")

# --- E04: contracts and budgets
CONTRACT = _code("E0401", "A shape contract is broken")
BUDGET = _code("E0402", "A budget is broken")

# --- E05: structure of a network
NO_CURRENT_VALUE = _code("E0501", "A stage has no value to start from")
UNUSED_STAGE = _code("E0502", "The result of a stage reaches no output")
TOO_FEW_BRANCHES = _code("E0503", "A combine has too few branches")
NO_OUTPUT = _code("E0504", "A net has no output")
NO_INPUT = _code("E0505", "A net has no input")
RECURSIVE_BLOCK = _code("E0506", "A block is used inside itself or before its definition")
READ_AS_UNUSED = _code("E0507", "What is declared as unused is read")
LENT_BY_HEAD = _code("E0508", "An output needs the weights of a part that runs for train outputs alone")

# --- E06: files and imports
CANNOT_READ = _code("E0601", "A file cannot be read")
IMPORT_CYCLE = _code("E0602", "Files use each other in a circle")

# --- E07: backends, passes and plug-ins
UNKNOWN_BACKEND = _code("E0701", "A backend that is not installed")
UNKNOWN_PASS = _code("E0702", "A pass that does not exist")
PLUG_IN = _code("E0703", "A plug-in that is installed and cannot be used")
BAD_OPTION = _code("E0704", "An option that a pass does not take, or a value that it does not")
PASS_REFUSED = _code("E0705", "A pass that cannot be applied to this network")
PASS_UNPROVED = _code("E0706", "A pass is not proved to leave the network as it was")

# --- E08: not yet
CANNOT_EMIT = _code("E0802", "A network that this version of the backend cannot write as code yet")

# --- E09: limits
LIMIT = _code("E0901", "A limit on the size of specs or networks is exceeded")

# --- W: warnings
NOTE_OVERRIDDEN = _code("W0401", "A contract or budget that an override on the command line has made untrue")
NOTE_MERGED_INIT = _code("W0501", "Merged siblings begin with another distribution than each by itself")
WARN_SOFTMAX = _code("W0502", "A classifier ends in probabilities, and the loss takes them for logits")
