"""What a shell offers when Tab is pressed: scripts of the commands, and names of sessions and models."""
