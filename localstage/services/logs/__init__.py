"""CloudWatch Logs: what its calls need, and the lines that functions and the gateway write."""
