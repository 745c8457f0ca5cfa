"""moto looks for a backend's URLs beside its module; SNS's are moto's own."""

from moto.sns.urls import url_bases, url_paths

__all__ = ["url_bases", "url_paths"]
