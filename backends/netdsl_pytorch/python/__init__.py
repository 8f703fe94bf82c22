"""Python as data: what an emitted file says (nodes.py, build.py), and how it is laid out (printer.py, layout.py)."""
