"""How each operator is written in PyTorch: a record for each, declared beside its family."""

from __future__ import annotations

from netdsl.graph.graph import Node
from netdsl.ops.operator import REGISTRY
from netdsl_pytorch.emit.operators import attention, combining, learned, norms, pointwise, pools, shapes
from netdsl_pytorch.emit.operators.record import OperatorRecord, is_known, operator, record_of, records

FAMILIES = (attention, combining, learned, norms, pointwise, pools, shapes)


def module_type(node: Node) -> str:
    """The class of the module that a node with weights becomes."""
    classes = record_of(node).classes
    spatial = len(node.inputs[0].type.shape) - 1
    return classes[max(spatial, 1) - 1] if len(classes) > 1 else classes[0]


def not_chained() -> frozenset[str]:
    """The operators that no `nn.Sequential` has."""
    return frozenset(name for name, record in records().items() if not record.chained)


def without_batch() -> frozenset[str]:
    """The operators that an `nn.Sequential` may have for a tensor without a batch."""
    return frozenset(name for name, record in records().items() if record.any_rank)


def missing() -> list[str]:
    """Operators of the language that this backend cannot write; a test says that there are none."""
    return [name for name in REGISTRY if not is_known(name)]


__all__ = [
    "OperatorRecord",
    "is_known",
    "missing",
    "module_type",
    "not_chained",
    "operator",
    "record_of",
    "records",
    "without_batch",
]
