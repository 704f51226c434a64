"""How soon a call answers, and what it costs in a long session."""
