"""`forward`: the values of a class in variables, a line per line of the spec."""
