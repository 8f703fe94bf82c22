"""Elaboration: from the tree of a spec to the graph of one of its models."""

from netdsl.elaborate.files import model_names
from netdsl.elaborate.models import elaborate

__all__ = ["elaborate", "model_names"]
