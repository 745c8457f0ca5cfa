"""The resource types that stacks can have, one module a service.

Each type is a ``ResourceType``: what creates, updates, deletes and reads one
resource through its service's API.
"""
