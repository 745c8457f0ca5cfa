"""Prices and quotas: each has its unit and its source, a region has only what is proved of it, and the throttle is its own."""

from __future__ import annotations

import pytest

from classroom.operations import prices


def test_prices_when_they_are_of_a_region():
    """us-east-1 has all of them; of another region only some are known, and no other region's price fills the gap."""
    complete = prices.all_prices()
    first, *others = prices.regions()
    assert prices.all_prices(first) == complete and len(others) >= 4
    for region in others:
        known = prices.all_prices(region)
        assert known and set(known) < set(complete)
        assert "websocket_message" not in known, "now that it is proved, let lesson 10 say so"
    assert prices.all_prices("eu-south-1") == {}


@pytest.mark.parametrize("region", prices.regions())
def test_price_when_somebody_asks_where_it_was_read(region):
    """Each price says what it counts and who says so; it is positive, and below a dollar."""
    found = prices.sources(region)
    assert found.keys() == prices.all_prices(region).keys()
    assert all(unit and source for unit, source in found.values())
    assert all(0 < usd < 1 for usd in prices.all_prices(region).values())


def test_throttle_when_a_region_is_newer():
    """AWS: "API Gateway quotas", account-level: 10,000 and 5,000, and a quarter of both in thirteen regions."""
    assert [prices.throttle(region) for region in prices.regions()] == [(10_000, 5_000)] * len(prices.regions())
    lower = prices.quotas()["api_gateway"]["lower_regions"]
    assert len(set(lower)) == 13 and {prices.throttle(region) for region in lower} == {(2_500, 1_250)}
    assert all(quota["source"] and quota["unit"] for quota in prices.quotas().values())
