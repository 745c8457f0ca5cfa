"""The one door in front of the account: every AWS API call is read once and goes through one list of steps.

- ``door``: the steps, as a diagram and as code; ``dispatch``: how moto is given a call
- ``call``: one call as a value, read by what moto itself reads calls with
- ``refusal``: one refused call; ``answers``: the one place where refusals are written
- ``signatures/``: who has signed a request
- ``permissions``: may this caller do that; ``identities``: users, roles and access keys as values
- ``pace``, ``delays``: throttling, and what is not ready at once
- ``rooms``: what a service's room may offer: something to do before a call, limits, a
  pace, operations that it answers itself; ``services/account.py`` puts the rooms together
- ``account_thread``: where moto runs; ``moto``: the one call into it; ``seams``: every hold on moto's inside

Threads. The event loop reads and verifies calls and writes answers. The account
thread owns moto: it decides permissions, keeps limits and does calls. What the
loop needs of the account (keys, users and roles with their policies) is
published to it as values when it changes.
"""
