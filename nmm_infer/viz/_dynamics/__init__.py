"""Pictures of what a network does over time and over parameters."""
