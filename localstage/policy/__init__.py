"""What IAM decides: which call needs which permission, and whether policies give it.

Pure: no moto, no socket, no clock. ``policy`` reads a document, ``conditions``
its conditions, ``decision`` weighs a principal's policies against one need,
``needs`` says what each AWS API call needs, ``sentences`` how a denial reads.

Why it is our own. moto's ``iam/access_control.py`` reads neither Resource nor
Condition, nor boundaries and session policies (its own first lines say so).
The evaluators that do all of it are written for other runtimes (iam-simulate:
TypeScript, AGPL) or ask AWS itself; the Python packages (parliament,
policy_sentry, cloudsplaining) look for bad policies, they evaluate none. What
IAM does is small once read closely, and is in AWS's user guide: "Policy
evaluation logic", "IAM JSON policy elements".
"""
