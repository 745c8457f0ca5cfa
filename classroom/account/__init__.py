"""The learner's part of an AWS account: the target, what the lessons build there, and where each begins."""
