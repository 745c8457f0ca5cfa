"""AWS's service models as they are shared: what botocore and moto would have read, without the prose."""

from __future__ import annotations

from typing import Any

import botocore.loaders
import botocore.session
import moto.core.loaders
import pytest

from localstage.door import models


def unexplained(value: Any) -> Any:
    """A model without what explains it, found by walking all of it: a text under "documentation" is an explanation."""
    if isinstance(value, dict):
        return {
            name: unexplained(part)
            for name, part in value.items()
            if not (name == "documentation" and isinstance(part, str))
        }
    return [unexplained(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("service", ["apigatewayv2", "dynamodb", "iam", "s3", "sqs"])
def test_model_when_it_is_shared(service: str):
    """botocore's and moto's model of a service are their own in everything but prose; s3 and sqs have moto's additions."""
    own = botocore.loaders.Loader().load_service_model(service, "service-2")
    motos = moto.core.loaders.create_loader().load_service_model(service, "service-2")
    shared = models.session().get_service_data(service)
    shared_with_moto = models._moto_loader().load_service_model(service, "service-2")
    assert unexplained(shared) == unexplained(own)
    assert unexplained(shared_with_moto) == unexplained(motos)
    assert (shared is shared_with_moto) == (unexplained(own) == unexplained(motos))
    assert len(str(shared)) < 0.7 * len(str(own))


@pytest.mark.parametrize("kind", ["service-2", "endpoint-rule-set-1", "waiters-2"])
def test_services_when_they_are_listed(kind: str):
    """The services that have a file of a kind are those that botocore finds by looking into every folder."""
    shared = models.session().get_component("data_loader").list_available_services(kind)
    assert shared == botocore.loaders.Loader().list_available_services(kind)


def test_regions_when_they_are_listed():
    """The regions that a service has in each partition are botocore's."""
    own = botocore.session.Session()
    assert models.session().get_available_partitions() == own.get_available_partitions()
    for partition in own.get_available_partitions():
        for service in ("dynamodb", "iam", "apigatewayv2"):
            regions = models.session().get_available_regions(service, partition)
            assert regions == own.get_available_regions(service, partition)


def test_model_when_there_is_no_such_service():
    """A service that AWS does not have is refused as botocore refuses it, for moto too."""
    for loader in (models.session().get_component("data_loader"), models._moto_loader()):
        with pytest.raises(botocore.exceptions.UnknownServiceError, match="no-such-service"):
            loader.load_service_model("no-such-service", "service-2")
