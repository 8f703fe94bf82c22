"""How netdsl is extended: what backends and passes declare, and how those that are installed are found."""
