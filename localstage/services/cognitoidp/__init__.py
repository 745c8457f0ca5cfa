"""Cognito's user pools: moto's, with the functions that they invoke.

``triggers`` invokes them around what moto does, ``events`` is what they are given and may answer, ``pools`` what of
moto's pools they are about. ``resource_types`` are CloudFormation's types.
"""
