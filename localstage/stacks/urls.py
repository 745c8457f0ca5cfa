"""The URLs of CloudFormation: moto's, answered by this package."""

from __future__ import annotations

from moto.cloudformation import urls as moto_urls

from localstage.stacks.responses import StackEngineResponse

url_bases = moto_urls.url_bases

url_paths = {"{0}/$": StackEngineResponse.dispatch}
