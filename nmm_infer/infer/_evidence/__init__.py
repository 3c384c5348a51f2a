"""How well a model predicts, from its draws."""
