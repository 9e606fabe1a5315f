"""Scoring many images: what lies in a folder or prefix, what was answered already, and the table that a user gets."""
