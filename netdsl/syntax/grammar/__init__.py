"""The grammar, and the tables that are made of it."""
