import pytest
from support import load

from jaxgan.evaluation.alarm import KINDS, Alarm

HEALTHY = {
    "contrast": 1.0,
    "diversity": 1.0,
    "distinct": 1.0,
    "copies": 0.0,
    "coverage": 0.5,
    "fd_probe": 10.0,
    "change": 0.2,
    "recognised": 0.9,
    "effective_characters": 7.0,
    "characters": {"bart": 0.3, "lisa": 0.1, "abe": 0.0},
}
FAULTS = {
    "flat": {"contrast": 0.1},
    "all alike": {"diversity": 0.1},
    "repeating": {"distinct": 0.1},
    "memorising": {"copies": 0.9},
    "few characters": {"effective_characters": 1.5},
    "diverging": {"fd_probe": 60.0},
    "frozen": {"change": 0.0},
}


@pytest.fixture
def limits():
    limits = load("began").monitor
    limits.update({"warmup": 1000, "patience": 3})
    return limits


def hear(limits, rows, real_characters=8.0):
    """Feeds readings at steps 1000, 1100, ...; each names what differs from a healthy one."""
    alarm = Alarm(limits, real_characters)
    alarm.update(HEALTHY | {"step": 0, "fd_probe": 100.0})
    return [event for i, row in enumerate(rows) for event in alarm.update(HEALTHY | row | {"step": 1000 + 100 * i})]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_fires_once_and_is_taken_back(kind, limits):
    events = hear(limits, [{}, {}] + [FAULTS[kind]] * 5 + [{}] * 4)
    assert [(e.event, e.step, e.kind, e.since) for e in events] == [
        ("collapse", 1400, kind, 1200),
        ("recovery", 1900, kind, 1700),
    ]


def test_the_evidence_gives_the_figures(limits):
    evidence = {kind: hear(limits, [FAULTS[kind]] * 3)[0].evidence for kind in KINDS if kind != "diverging"}
    assert evidence == {
        "flat": "contrast within samples is 10 % of that within real images",
        "all alike": "two samples differ by 10 % of what two real images do",
        "repeating": "10 % of the samples have no twin among the others",
        "memorising": "90 % of the samples are copies of training images",
        "few characters": "in effect 1.5 characters where real images have 8 (bart 30 %, lisa 10 %)",
        "frozen": "drawn anew, the images changed by 0 % of what two real images differ by",
    }
    rows = [{"k": 0.5, "m": 0.2}] + [{"k": 0.995, "k_at_bound": True, "m": 0.2, "fd_probe": 60.0}] * 3
    assert hear(limits, rows)[0].evidence == "fd_probe is 60, at its best it was 10; k is 0.995, at its bound"


def test_fewer_bad_readings_than_patience_do_not_fire(limits):
    assert hear(limits, ([{"diversity": 0.1}] * 2 + [{}]) * 5) == []


def test_noise_around_a_bound_fires_once(limits):
    """0.29 and 0.32 lie on both sides of it, and within the margin."""
    below, above = {"diversity": 0.29}, {"diversity": 0.32}
    assert hear(limits, [below, below, above] * 5) == []
    events = hear(limits, [below] * 3 + [above, below] * 5 + [above] * 5)
    assert [event.event for event in events] == ["collapse"]


def test_what_is_bad_before_the_warmup_does_not_count(limits):
    limits.warmup = 1500
    (event,) = hear(limits, [{"contrast": 0.1}] * 9)
    assert (event.step, event.since) == (1700, 1500)


def test_a_reading_counts_for_the_first_kind_only(limits):
    """What is constant is flat in time, few in characters and far from real images as well."""
    constant = {"diversity": 0.0, "distinct": 0.0, "effective_characters": 1.0, "change": 0.0, "fd_probe": 90.0}
    assert [event.kind for event in hear(limits, [constant] * 9)] == ["all alike"]


def test_kinds_that_take_turns_fire(limits):
    """A single character, now and then so alike that this comes first."""
    few = {"effective_characters": 1.2}
    events = hear(limits, [few | {"diversity": 0.28}, few | {"diversity": 0.31}] * 5)
    assert [(event.kind, event.step, event.since) for event in events] == [("few characters", 1300, 1100)]


def test_characters_count_only_where_samples_are_somebody(limits):
    few = {"effective_characters": 1.0, "recognised": 0.1}
    assert hear(limits, [few] * 5) == []
    unlabelled = {"effective_characters": None, "recognised": None, "characters": {}}
    assert hear(limits, [unlabelled] * 5, real_characters=None) == []
    assert hear(limits, [{"effective_characters": 0.0, "recognised": 0.0}] * 5) == []


def test_it_takes_more_than_a_factor_to_diverge(limits):
    """1.8 times the best is a small part of the way back to where training began; from 40 on it is not."""
    assert hear(limits, [{"fd_probe": 18.0}] * 5 + [{"fd_probe": 10.0}]) == []
    assert hear(limits, [{"fd_probe": 10.0}] + [{"fd_probe": 18.0}] * 5) == []
    assert [e.kind for e in hear(limits, [{"fd_probe": 10.0}] + [{"fd_probe": 40.0}] * 5)] == ["diverging"]


def test_a_balance_that_is_lost_is_a_divergence(limits):
    rows = [{"m": 0.9, "k": 0.0}, {"m": 0.2, "k": 0.1}] + [{"m": 0.7, "k": 0.9}] * 3
    (event,) = hear(limits, rows)
    assert (event.kind, event.evidence) == ("diverging", "m is 0.7, at its best it was 0.2; k is 0.9")


def test_the_first_reading_says_nothing_of_change(limits):
    assert hear(limits, [{"change": None}] * 5) == []
