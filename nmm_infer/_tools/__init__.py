"""What knows nothing of brains."""
