"""What IAM decides: whether policies grant what a call needs.

Pure: no moto, no socket, no clock. ``document`` reads a policy, ``conditions``
its conditions, ``patterns`` its wildcards and variables; ``context`` says who
asks and what is known of the request; ``decision`` weighs a principal's policies
against one need; ``sentences`` say how a denial reads.

The one evaluator of the house: it decides API calls (``door.permissions``), the
policies of functions that API Gateway invokes (``services.awslambda``), what an
authorizer answers (``core.authorization``) and IAM's policy simulator.

Why it is our own. moto's ``iam/access_control.py`` (5.2.5) reads
conditions of trust policies only, and neither boundaries nor session policies.
The evaluators that do all of it are written for other runtimes (iam-simulate:
TypeScript, AGPL) or ask AWS itself; the Python packages (parliament,
policy_sentry, cloudsplaining) look for bad policies, they evaluate none. What
IAM does is small once read closely, and is in AWS's user guide: "Policy
evaluation logic", "IAM JSON policy elements".
"""
