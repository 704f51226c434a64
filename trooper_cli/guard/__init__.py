"""What may not leave: private text, credentials and the user's own patterns, found in a text."""
