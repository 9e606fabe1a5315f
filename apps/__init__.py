"""What people start: the `xray` command line."""
