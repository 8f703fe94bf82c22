"""Elaboration: from the tree of a spec to the graph of one of its models."""

from netdsl.elaborate.files import model_names, models_of
from netdsl.elaborate.models import collector_paused, elaborate
from netdsl.elaborate.session import Spent

__all__ = ["Spent", "collector_paused", "elaborate", "model_names", "models_of"]
