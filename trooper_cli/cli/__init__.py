"""One function a command: it parses, prints, returns the exit code, and decides nothing."""
