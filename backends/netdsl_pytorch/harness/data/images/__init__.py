"""Image files as they come, from anybody: which formats are opened, and what is checked before a decoder sees them."""
