"""`xray doctor`: what this installation has and lacks, and what to do about it."""
