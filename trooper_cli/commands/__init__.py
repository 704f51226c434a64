"""One function a command: it takes plain values, prints, and gives the exit code."""
