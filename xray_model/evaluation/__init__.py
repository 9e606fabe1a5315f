"""How good a model is, whether it is better than another, and whether the world has changed."""
