"""What can be said against a result."""
