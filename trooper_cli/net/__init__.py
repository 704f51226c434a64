"""How bytes leave: HTTP, checked addresses, the gate around private turns, deadlines."""
