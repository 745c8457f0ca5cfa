"""One room for each AWS service: all that is known of it."""
