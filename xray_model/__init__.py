"""The domain and the model: what a chest X-ray is here, and what is learnt from it."""
