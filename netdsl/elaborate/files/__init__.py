"""Files: what stands at the top level of one, and those that it uses."""
