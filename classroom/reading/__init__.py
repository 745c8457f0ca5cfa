"""What learners look at instead of reading about it: source code by name, and a map of the account."""
