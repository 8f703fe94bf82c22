"""The machine that a run has: device, memory and allocator, files, signals, and the other processes."""
