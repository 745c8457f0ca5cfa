"""HTTP integrations against endpoints that misbehave on purpose."""

import asyncio

from aiohttp import web

from localstage.core.snapshot import ApiSnapshot, Integration, ServedStage
from localstage.gateway.http_integration import call_http

STAGE = ServedStage("api", "prod", "us-east-1", "1", ApiSnapshot("api", "d", "$request.body.action"))


def result_of(answer: web.Response):
    """What the integration gives for this answer, and the paths that were asked for."""

    async def run():
        asked = []

        async def serve(request: web.BaseRequest) -> web.Response:
            asked.append(request.path)
            return answer

        runner = web.ServerRunner(web.Server(serve))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            number = runner.addresses[0][1]
            integration = Integration("i", "HTTP_PROXY", f"http://127.0.0.1:{number}/first", "POST")
            return await call_http(integration, STAGE, {"body": "hello"}), asked
        finally:
            await runner.cleanup()

    return asyncio.run(asyncio.wait_for(run(), 120))


def test_http_integration_when_the_endpoint_redirects():
    """A redirect is the result and is not followed: it could lead off this machine."""
    result, asked = result_of(web.Response(status=302, headers={"Location": "/second"}))
    assert (result.status_code, asked) == (302, ["/first"])


def test_http_integration_when_the_answer_is_not_text():
    """Bytes that are not text in the declared charset become U+FFFD."""
    result, _ = result_of(web.Response(body=b"\xff\xfehi", headers={"Content-Type": "text/plain; charset=utf-8"}))
    assert (result.status_code, result.body) == (200, "\ufffd\ufffdhi")
