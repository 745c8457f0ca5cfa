"""``own.py`` where the management API is plain HTTP, as the floor's is: the same calls, signed, without TLS."""

import http.client
import os
from urllib.parse import urlsplit

import delivery
from management import TIMEOUT_S, ManagementApi
from own import handler as own_handler


class PlainManagementApi(ManagementApi):
    def connect(self):
        way = urlsplit(self.endpoint_url)
        return http.client.HTTPConnection(way.hostname, way.port, timeout=TIMEOUT_S)


api = PlainManagementApi(os.environ["MANAGEMENT_URL"])
delivery.management_api = lambda request: api
handler = own_handler
