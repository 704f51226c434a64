"""One file an engine, one small protocol."""
