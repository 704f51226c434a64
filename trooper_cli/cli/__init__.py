"""One function a command: it takes plain values, prints, and returns the exit code."""
