"""What elaboration has to say: why something cannot be, and what a whole graph is checked for."""
