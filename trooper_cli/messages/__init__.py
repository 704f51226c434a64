"""The Messages API over a pipe: its requests, how private turns are known again in them, and its responses."""
