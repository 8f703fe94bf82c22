"""Elaboration: from the tree of a spec to the graph of one of its models."""

from netdsl.elaborate.files import model_names
from netdsl.elaborate.models import collector_paused, elaborate

__all__ = ["collector_paused", "elaborate", "model_names"]
