"""Passes: from a graph to a graph that computes the same otherwise. Each has a folder or a file of its own.

`interface` says what a pass is, `registry` which there are, `run` applies them and holds what they give to what they
were given.
"""
