"""The most probable parameters."""
