"""One turn, start to finish, for any caller."""
