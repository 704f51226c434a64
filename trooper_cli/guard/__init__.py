"""What may not leave: findings in a text."""
