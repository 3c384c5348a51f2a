"""Is the linearisation good enough?"""
