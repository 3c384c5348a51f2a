"""NumPyro distributions that NumPyro has not."""
