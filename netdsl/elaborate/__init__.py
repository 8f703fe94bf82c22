"""Elaboration: from the tree of a spec to the graph of one of its models."""

from netdsl.elaborate.files.definitions import model_names, models_of
from netdsl.elaborate.models import elaborate
from netdsl.elaborate.session import Spent

__all__ = ["Spent", "elaborate", "model_names", "models_of"]
