"""What the port and its pages take from ``aiohttp.web``: a server of requests, and answers.

That module also imports applications with their routes and middlewares, which nobody here has:
1.3 MB and a hundredth of a second of each start. Files are answered by ``aiohttp.web_fileresponse``.
"""

from aiohttp.web_protocol import RequestHandler, RequestPayloadError
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import Response, StreamResponse
from aiohttp.web_server import Server

__all__ = ["BaseRequest", "RequestHandler", "RequestPayloadError", "Response", "Server", "StreamResponse"]
