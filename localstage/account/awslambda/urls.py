"""moto looks for a backend's URLs beside its module; Lambda's are moto's own."""

from moto.awslambda.urls import url_bases, url_paths

__all__ = ["url_bases", "url_paths"]
