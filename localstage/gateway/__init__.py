"""API Gateway's WebSocket side: connections, the executions of their routes, and ``@connections``.

Table of contents: ``handshake`` and ``management_api`` answer HTTP for
``gateway``, which owns the connections; ``executions`` runs events through
routes with ``authorizers``, ``integrations`` and ``http_integration``;
``served_stages`` owns what each stage serves; ``socket`` is one WebSocket on
the wire. Lives on one event loop and imports nothing of moto.
"""
