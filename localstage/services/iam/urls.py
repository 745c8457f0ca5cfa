"""moto looks for a backend's URLs beside its module; IAM's are moto's own."""

from moto.iam.urls import url_bases, url_paths

__all__ = ["url_bases", "url_paths"]
