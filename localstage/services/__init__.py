"""All that is known of each AWS service, one room for each; every room's first page says what is in it.

What a table says of all services at once stands here:

- ``account``: the rooms put together, and the door in front of them
- ``needs``: which permissions a call needs
- ``facts``: what permissions must know of the account
- ``refused``: what nothing here would do, such as invoking a function by itself
- ``resource_types``: the types that stacks can have
"""
