"""Cognito's user pools: moto's, with CloudFormation's types (``resource_types``)."""
