"""One call of the @connections API: signed by botocore, sent by http.client, answered with a status.

boto3's post_to_connection does the same and much more: it looks the operation up in a model, checks
each parameter, runs two dozen hooks, reads the answer into a dict. For one call nobody minds. A
broadcast calls once for each person, so it pays all of that a thousand times. What AWS asks for is
less: a path, a signature (Signature Version 4, which botocore makes), and a body.

Connections are kept: TLS needs three round trips before the first byte, and the next call, and even
the next invocation in this execution environment, finds them open. The way out is the environment's:
HTTPS_PROXY, NO_PROXY, and the certificates of AWS_CA_BUNDLE or else the system's.
"""

import http.client
import os
import ssl
from collections import deque
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

TIMEOUT_S = 5  # one slow answer must not use up the function's time


class ManagementApi:
    """The @connections API of one stage. Threads may share it: each call has a connection to itself."""

    def __init__(self, endpoint_url):
        self.endpoint_url = endpoint_url
        session = boto3.Session()
        self.signer = SigV4Auth(session.get_credentials(), "execute-api", session.region_name)
        self.trust = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
        self.idle = deque()  # open connections that no call is using; a deque can be shared without a lock

    def call(self, method, connection_id, data=b""):
        """Return status and body. Raises OSError or http.client.HTTPException where there is no answer."""
        request = AWSRequest(method, f"{self.endpoint_url}/@connections/{quote(connection_id, safe='')}", data=data)
        self.signer.add_auth(request)
        try:
            connection = self.idle.pop()  # the one that was used last: the likeliest to be still open
        except IndexError:
            return self.exchange(self.connect(), request)
        try:
            return self.exchange(connection, request)
        except (ConnectionError, ssl.SSLError):  # the other side has closed it meanwhile, which is its right
            return self.exchange(connection, request)  # http.client opens a closed connection anew

    def exchange(self, connection, request):
        """Send a request and read its whole answer, after which the connection is idle again."""
        try:
            connection.request(request.method, urlsplit(request.url).path, request.data, dict(request.headers.items()))
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        self.idle.append(connection)
        return answer.status, body

    def connect(self):
        """Return a connection to the API, through the environment's proxy if there is one; it opens when it is used."""
        host = urlsplit(self.endpoint_url).hostname
        proxy = None if proxy_bypass(host) else getproxies().get("https")
        if not proxy:
            return http.client.HTTPSConnection(host, timeout=TIMEOUT_S, context=self.trust)
        way = urlsplit(proxy)
        connection = http.client.HTTPSConnection(way.hostname, way.port, timeout=TIMEOUT_S, context=self.trust)
        connection.set_tunnel(host, 443)
        return connection
