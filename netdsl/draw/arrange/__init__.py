"""From a figure to places: how much of it is seen, how large that is, where it stands, and the ways of its edges."""
