"""Fits to data of known parameters: do intervals hold the truth?"""
