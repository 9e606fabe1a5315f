"""`xray up`: everything that one machine needs for its nights, as one supervised tree of processes."""
