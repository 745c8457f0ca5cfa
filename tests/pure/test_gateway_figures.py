"""The gateway's figures on their way to CloudWatch: as many as there are seconds, then minutes, never as messages."""

from __future__ import annotations

from localstage.services.apigatewayv2.telemetry import Figures


def _added(figures: Figures, seconds: int, each: int = 10) -> None:
    for second in range(seconds):
        for number in range(each):
            figures.add("us-east-1", "api", "prod", "IntegrationLatency", float(number), second * 1000 + number)


def test_figures_when_a_second_has_many_values():
    """One second's values are one statistic set: count, sum, least and most."""
    figures = Figures()
    _added(figures, 1, each=1000)
    ((key, figure),) = figures.take().items()
    assert key == ("us-east-1", "api", "prod", "IntegrationLatency", 0)
    assert (figure.count, figure.total, figure.least, figure.most) == (1000, 499_500.0, 0.0, 999.0)
    assert figures.take() == {}


def test_figures_when_nobody_reads_them():
    """Old seconds become minutes: none is lost, and their number no longer grows with the time."""
    figures = Figures(kept=1_000)
    _added(figures, 3_600)
    taken = figures.take()
    assert len(taken) <= 1_001
    assert (sum(one.count for one in taken.values()), sum(one.total for one in taken.values())) == (36_000, 162_000.0)
    assert (min(one.least for one in taken.values()), max(one.most for one in taken.values())) == (0.0, 9.0)
    seconds = sorted(key[-1] for key in taken)
    assert seconds[-300:] == list(range(3_300, 3_600)), "the newest are kept by the second"


def test_figures_when_there_are_more_minutes_than_are_kept():
    """The newest stay."""
    figures = Figures(kept=100)
    for minute in range(1_000):
        figures.add("us-east-1", "api", "prod", "MessageCount", 1.0, minute * 60_000)
    taken = figures.take()
    assert len(taken) <= 101
    assert max(key[-1] for key in taken) == 999 * 60
