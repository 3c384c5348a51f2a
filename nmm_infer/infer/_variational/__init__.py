"""Approximations of a posterior by something that is easy to draw from."""
