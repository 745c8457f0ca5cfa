"""What a learner is asked: the checks, and what helps when one fails."""
