"""Which parameters the factory may offer."""
