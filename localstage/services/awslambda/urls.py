"""moto looks for a backend's URLs beside its module: Lambda's are moto's and the account's settings, answered here."""

from moto.awslambda.urls import url_bases
from moto.awslambda.urls import url_paths as moto_paths

from localstage.services.awslambda.responses import LocalLambdaResponse

_PATHS = (*moto_paths, r"{0}/(?P<api_version>[^/]+)/account-settings/?$")
url_paths = dict.fromkeys(_PATHS, LocalLambdaResponse.dispatch)

__all__ = ["url_bases", "url_paths"]
