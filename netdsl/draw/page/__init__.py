"""The page of `netdsl stats --html`: the drawing with the text, the figures and a script."""
