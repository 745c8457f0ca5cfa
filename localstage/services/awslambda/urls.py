"""moto looks for a backend's URLs beside its module; Lambda's are moto's own and the account's settings."""

from moto.awslambda.urls import url_bases
from moto.awslambda.urls import url_paths as moto_paths

from localstage.services.awslambda.account_settings import AccountSettings

url_paths = {**moto_paths, r"{0}/(?P<api_version>[^/]+)/account-settings/?$": AccountSettings.dispatch}

__all__ = ["url_bases", "url_paths"]
