"""From text to the tree: tokens, the actions that make nodes, and what is said of mistakes."""
