"""The run folder: what a run writes down of itself, and how it is read again, whoever wrote it."""
