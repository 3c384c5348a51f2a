"""Networks of oscillators that are trained on sequences."""
