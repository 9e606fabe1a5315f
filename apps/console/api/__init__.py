"""What programs ask of the console: predictions, and which model makes them. HTTP and JSON under `/v1`."""
