"""Formulas of `constant` and `buffer`: their parts, and between which bounds they stay."""
