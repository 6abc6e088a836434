import numpy as np
import pytest

from jaxgan.reporting.charts import Curve, curve, end, envelope, needs_log, pooled, smooth, thin


def test_a_column_leaves_out_rows_that_lack_it():
    found = curve([{"step": 1, "m": 0.5}, {"step": 2}, {"step": 3, "m": 0.7}], "m")
    assert (found.steps.tolist(), found.values.tolist()) == ([1, 3], [0.5, 0.7])
    assert curve([{"step": 1}], "m").steps.size == 0


def test_the_median_is_over_a_twentieth_and_shorter_at_the_ends():
    """200 values have windows of 2 (200 / 20 / 2) + 1 = 11; the first sees values 0 to 5."""
    values = np.arange(200.0)
    values[50] = 1e6
    smoothed = smooth(Curve(np.arange(200.0), values)).values
    assert smoothed[100] == 100
    assert smoothed[0] == 2.5
    assert smoothed[50] == 51  # of 45 to 55 without 50, whose place is at the top


def test_a_very_long_curve_is_smoothed_by_medians_of_its_values():
    """Ten thousand values in threes; of each three the second is the median, and stands at its step."""
    values = np.arange(10_000.0)
    values[::3] = -1e6
    smoothed = smooth(Curve(np.arange(10_000.0), values))
    assert len(smoothed.steps) == 3_333
    assert smoothed.steps[:2].tolist() == [1, 4]
    middle = len(smoothed.steps) // 2
    assert smoothed.values[middle] == smoothed.steps[middle]


def test_short_curves_stay_as_they_are():
    short = Curve(np.arange(5.0), np.array([1.0, 9.0, 1.0, 9.0, 1.0]))
    assert smooth(short).values.tolist() == short.values.tolist()
    assert envelope(short) is short
    assert smooth(curve([], "m")).values.size == 0


@pytest.mark.parametrize("count", [1, 5, 200])
def test_a_curve_ends_where_its_median_does(count):
    raw = Curve(np.arange(float(count)), np.random.default_rng(0).normal(size=count))
    assert end(raw) == smooth(raw).values[-1]


def test_curves_are_pooled_where_each_has_a_step():
    """At step 1 the median of 1, 2 and 9 is 2; at step 2 that of 3 and 5 is 4; at step 3 there is 7 alone.

    A curve without a step that others have is taken to go straight over it.
    """
    short = Curve(np.array([1.0]), np.array([9.0]))
    longer = [Curve(np.array([1.0, 2.0]), np.array([1.0, 3.0])), Curve(np.arange(1.0, 4), np.array([2.0, 5.0, 7.0]))]
    steps, values = pooled([short, *longer])
    assert (steps.tolist(), values.tolist()) == ([1, 2, 3], [2, 4, 7])
    assert pooled([Curve(np.array([1.0, 3.0]), np.array([0.0, 4.0])), longer[1]]).values.tolist() == [1, 3.5, 5.5]


@pytest.mark.parametrize("count", [1, 2, 199, 200, 201, 50_000])
def test_thinned_curves_keep_their_ends(count):
    thinned = thin(Curve(np.arange(count), np.arange(count)))
    assert len(thinned.steps) == min(count, 200)
    assert (thinned.steps[0], thinned.steps[-1]) == (0, count - 1)


def test_the_envelope_keeps_every_spike():
    values = np.sin(np.arange(50_000) / 500)
    values[12_345], values[40_000] = 7, -7
    kept = envelope(Curve(np.arange(50_000), values))
    assert len(kept.steps) <= 300
    assert (kept.values.max(), kept.values.min()) == (7, -7)
    assert (np.diff(kept.steps) > 0).all()


def test_a_logarithmic_scale_is_for_positive_values_of_many_sizes():
    def spans(*values):
        return needs_log(np.asarray(values, float))

    assert spans(0.01, 1)
    assert not spans(0.1, 1)
    assert not spans(0, 1)
