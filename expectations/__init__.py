"""What an image and a batch must be to train a model, as Great Expectations suites."""
