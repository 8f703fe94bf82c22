"""The forms that a figure is written in: SVG and PNG, what other drawing tools take, and the mark that files carry."""
