"""Commands of `xray` that have commands of their own, a module for each; the work is done elsewhere."""
