"""The constructor of a class: what makes its parts, where they are kept, and how weights begin."""
