"""Readers of the ways in which data sets lie on disk: names and small tables in, records out."""
