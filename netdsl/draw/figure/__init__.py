"""From a graph to a figure: boxes in columns and rows along the structure of the text, and the tensors between."""
