"""Lines of a spec: their words, how they are broken, and what stands below each other."""
