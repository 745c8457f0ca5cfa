"""Lambda's execution side: execution environments, the Runtime API, invocations.

``service.Functions`` is the face. It asks ``pool`` (pure) what to do; an
``environment`` is one process, whose phase is in its ``lifecycle`` (pure), with
its log. What differs from language to language is in ``runtimes``: Python's
process runs ``bootstrap``, which runs awslambdaric. Nothing here knows API
Gateway, moto or the port; the function comes in as a ``definition``.
"""
