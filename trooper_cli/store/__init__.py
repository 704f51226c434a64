"""The one owner of a turn's record: session files, and the guard's fingerprints with them."""
