"""What the priors decide."""
