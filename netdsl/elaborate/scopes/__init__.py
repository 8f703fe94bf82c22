"""Names in scope, what they stand for, and where elaboration stands."""
