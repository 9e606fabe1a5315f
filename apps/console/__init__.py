"""The steward's desk: server-rendered pages to look at what was refused, and to decide."""
