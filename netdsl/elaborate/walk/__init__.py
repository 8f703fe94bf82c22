"""The walk over the text that makes the graph. Importing one of these modules registers what runs each kind of
statement, stage and call."""

from netdsl.elaborate.walk import blocks, braces, combines, inits, nets, operators, pipelines, statements, tensors

__all__ = ["blocks", "braces", "combines", "inits", "nets", "operators", "pipelines", "statements", "tensors"]
