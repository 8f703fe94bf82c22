"""Expressions: their values, what is known of them as expressions, and what is declared by them.

Importing one of these modules registers what evaluates each kind of expression.
"""

from netdsl.elaborate.expressions import kept, lists, names, operators

__all__ = ["kept", "lists", "names", "operators"]
