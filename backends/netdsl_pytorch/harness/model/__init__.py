"""The net that is trained: from its source to a module, its weights, loss and optimiser, and what a step takes."""
