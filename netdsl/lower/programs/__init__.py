"""What uses of a definition have in common: the steps of all of them as one program, and which share a class."""
