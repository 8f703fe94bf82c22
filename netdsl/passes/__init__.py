"""Passes: from a graph to a graph that computes the same otherwise. Each has a folder or a file of its own."""
