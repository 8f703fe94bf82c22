"""Tensors that the constructor computes: constants by their formulas, first values of weights."""
