"""moto looks for a backend's URLs beside its module; STS's are moto's own, which ``extend`` changes."""

from moto.sts.urls import url_bases, url_paths

__all__ = ["url_bases", "url_paths"]
