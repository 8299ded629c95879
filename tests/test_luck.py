"""Luck against what is unknown: the shares of the variance, and the interval that covers as often as it says."""

import numpy as np
import pytest

from experiments.running import luck
from experiments.running.luck import twins_of
from experiments.screens.sure import luck_cells, share_words


def drawn(runs, twins, share, samples, seed=1):
    """(values [run, sample], twins) whose variance is one, luck `share` of it."""
    rng = np.random.Generator(np.random.PCG64(seed))
    known = rng.normal(size=(runs, samples)) * np.sqrt(1 - share)
    values = known + rng.normal(size=(runs, samples)) * np.sqrt(share)
    return values, known[:twins] + rng.normal(size=(twins, samples)) * np.sqrt(share)


def test_by_hand():
    """Differences of twins 2, 0, 4, 2: mean square 6, luck 3; variance of the runs 0, 2, 4, 6: 20/3."""
    found = luck.luck(np.array([[0.0], [2.0], [4.0], [6.0]]), np.array([[2.0], [2.0], [8.0], [4.0]]))
    assert found.share[0] == pytest.approx(3 / (20 / 3)) and found.twins[0] == 4
    assert 0 < found.low[0] < found.share[0] < found.high[0] == 1.0


def test_without_luck_and_with_nothing_else():
    values = np.arange(20.0)[:, None]
    none = luck.luck(values, values[:10].copy())
    assert (none.share[0], none.low[0], none.high[0]) == (0.0, 0.0, 0.0)
    values, twins = drawn(2000, 1000, 1.0, 1)
    assert luck.luck(values, twins).share[0] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(("runs", "twins"), [(20, 10), (4, 4), (200, 10)])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_the_interval_covers(runs, twins, share):
    found = luck.luck(*drawn(runs, twins, share, 4000))
    covered = ((found.low <= share) & (share <= found.high)).mean()
    assert 0.94 <= covered <= 0.999 and (found.high - found.low).max() > 0


def test_the_share_is_right_on_average():
    """Of many twins: the quotient of two variances is then hardly off."""
    found = luck.luck(*drawn(400, 400, 0.3, 300))
    assert np.median(found.share) == pytest.approx(0.3, abs=0.02)


def test_what_cannot_be_told_is_missing():
    values = np.array([[1.0, np.nan, 1.0], [1.0, 2.0, 2.0], [1.0, 3.0, 3.0], [1.0, 4.0, 5.0], [1.0, 4.0, 5.0]])
    twins = np.array([[1.0, 1.0, 1.0], [1.0, 2.0, 2.0], [1.0, 3.0, np.nan], [1.0, 3.0, 4.0]])
    found = luck.luck(values, twins)
    assert np.isnan(found.share).all() and found.twins.tolist() == [4, 3, 3]  # no variance; too few twins; the same
    assert np.isnan(luck.luck(values, None).share).all() and np.isnan(luck.luck(values, twins[:0]).share).all()


def test_how_many_runs_get_a_twin():
    assert [twins_of(n) for n in (1, 3, 4, 7, 10, 11, 1000)] == [0, 0, 4, 7, 10, 10, 10]
    assert luck.OTHER + luck.TWINS < 2**32


def test_in_words():
    assert [share_words(x) for x in (0.0, 0.1, 0.25, 1 / 3, 0.5, 2 / 3, 0.75, 0.9, 1.0)] == [
        "almost nothing", "about a tenth", "about a quarter", "about a third", "about half", "about two thirds", "about three quarters",
        "most", "almost all",
    ]  # fmt: skip
    assert luck_cells(0.5, 0.2, 1.0) == ("about half (20%–100%)", "about half")
    assert luck_cells(np.nan, np.nan, np.nan) == ("-", "-")
