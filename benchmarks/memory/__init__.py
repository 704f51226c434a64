"""The yardstick of the memory: written sessions with planted facts, and what is left of them under a budget."""
