"""Numbers that a simulation is reduced to while it runs."""
