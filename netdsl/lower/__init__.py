"""From a graph to classes, for any backend: stages that each take the data of the one before."""
