"""Which model predicts better."""
