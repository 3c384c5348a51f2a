"""What the data can tell."""
