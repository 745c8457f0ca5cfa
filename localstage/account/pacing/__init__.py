"""The shell of ``localstage.pace``: where AWS's pace meets moto, the functions and the event loop.

Nothing of it is made unless a stage rehearses (``--like-aws``).
"""

from localstage.account.pacing.account_pace import AccountPace

__all__ = ["AccountPace"]
