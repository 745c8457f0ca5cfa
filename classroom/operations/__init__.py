"""What is done about the course instead of in it: clean-up, readiness, prices, permissions, running notebooks."""
