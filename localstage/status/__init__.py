"""What localstage shows of itself while it runs: ``/_localstage/``, for people and for the command line."""
