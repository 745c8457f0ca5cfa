"""AWS's pace: what is visible when, for a stage that rehearses (``--like-aws``).

The account behind a stage is done with a call before it answers. AWS is not:
a table is CREATING first, a role cannot be assumed yet, an old deployment goes
on serving. This package decides what callers see meanwhile. It is told the
time, and imports no asyncio, socket, boto3 or moto; ``account/pacing`` is its
shell.
"""
