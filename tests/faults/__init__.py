"""What can go wrong with an engine, as data: each fault with what a user sees of it."""
