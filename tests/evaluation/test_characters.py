import numpy as np
import pytest

from jaxgan.evaluation import characters

NAMES = ["homer", "bart", "lisa", "ned"]
REAL = np.array([0.4, 0.3, 0.2, 0.1])


def probabilities(counts, nobody=0):
    """So many certain samples of each character, and uniform ones."""
    certain = np.repeat(np.eye(len(counts)), counts, axis=0)
    return np.concatenate([certain, np.full((nobody, len(counts)), 1 / len(counts))])


def test_shares_are_among_the_recognised():
    shares, recognised = characters.shares(probabilities([6, 0, 2, 0], nobody=12))
    assert shares.tolist() == [0.75, 0, 0.25, 0]
    assert recognised == 8 / 20
    assert characters.count(probabilities([6, 0, 2, 0], nobody=12)).tolist() == [6, 0, 2, 0]


def test_the_threshold_itself_is_recognised():
    rows = np.array([[0.5, 0.3, 0.2], [0.49, 0.26, 0.25]])
    assert characters.shares(rows)[1] == 0.5
    assert characters.shares(rows, threshold=0.45)[1] == 1
    assert characters.shares(rows, threshold=0.6)[1] == 0


def test_nothing_recognised():
    shares, recognised = characters.shares(probabilities([0, 0, 0, 0], nobody=5))
    assert (shares.tolist(), recognised) == ([0, 0, 0, 0], 0)
    assert characters.effective_number(shares) == 0


def test_effective_number():
    for k in (1, 4, 10):
        assert characters.effective_number(np.full(k, 1 / k)) == pytest.approx(k)
    assert characters.effective_number(np.array([0.5, 0.5, 0, 0])) == pytest.approx(2)
    assert characters.effective_number(np.array([0.9, 0.1])) == pytest.approx(0.9**-0.9 * 0.1**-0.1)


def test_drawn_from_a_tenth_of_the_real_share_on():
    drawn = lambda counts: characters.judge(np.array(counts), np.array([0.5, 0.5])).drawn.tolist()
    assert drawn([95, 5]) == [True, True]  # 5 % is a tenth of 50 %
    assert drawn([96, 4]) == [True, False]


def test_lost_only_where_a_binomial_test_says_so():
    # Drawn at a tenth of its real 10 %, ned is missing from n samples with 0.99^n, under 5 % from n = 299 on,
    # and comes up at most once with 0.99^n + n 0.01 0.99^(n-1), under 5 % from n = 473 on.
    lost = lambda n, ned: characters.judge(np.array([n - 200 - ned, 100, 100, ned]), REAL).lost.tolist()
    assert not any(lost(298, 0))
    assert lost(299, 0) == [False, False, False, True]
    assert not any(lost(472, 1))
    assert lost(473, 1) == [False, False, False, True]


def test_every_known_character_has_one_verdict_and_an_unknown_none():
    real = np.array([0.6, 0.3, 0.1, 0.0])
    verdicts = characters.judge(np.array([100, 0, 0, 0]), real)
    assert verdicts.drawn.tolist() == [True, False, False, False]
    assert verdicts.lost.tolist() == [False, True, False, False]  # 0.97^100 = 0.048
    assert verdicts.undecided.tolist() == [False, False, True, False]  # 0.99^100 = 0.37
    assert not characters.judge(np.array([0, 0, 0, 100]), real).drawn[3]


@pytest.mark.parametrize(
    ("counts", "total", "expected"),
    [
        (
            [0, 710, 200, 0],
            1000,
            "draws 2 of 4 characters: bart 78 %, lisa 22 %; lost: homer, ned; "
            "9 % of the samples are nobody in particular",
        ),
        (
            [400, 300, 200, 100],
            1000,
            "draws all 4 characters: homer 40 %, bart 30 %, lisa 20 %, ned 10 %; every sample is recognised",
        ),
        (
            [0, 60, 39, 0],
            100,
            "draws 2 of 4 characters: bart 61 %, lisa 39 %; lost: homer; undecided: ned; "
            "1 % of the samples are nobody in particular",
        ),
        (
            [997, 999, 999, 4],
            3000,
            "draws 3 of 4 characters: bart 33 %, lisa 33 %, homer 33 %; lost: ned; "
            "under 1 % of the samples are nobody in particular",
        ),
        ([0, 0, 0, 0], 50, "draws none of 4 characters: no sample is recognised"),
    ],
)
def test_sentence(counts, total, expected):
    assert characters.sentence(np.array(counts), total, REAL, NAMES) == expected


def test_sentence_of_odd_data_sets():
    sentence = lambda counts, real: characters.sentence(np.array(counts), 10, np.array(real), NAMES)
    assert sentence([9, 1, 0, 0], [0, 0, 0, 0]) == "no real image is recognised, so no character can be counted"
    assert sentence([10, 0, 0, 0], [1.0, 0, 0, 0]) == "draws 1 of 1 character: homer 100 %; every sample is recognised"
    assert sentence([10, 0, 0, 0], [0, 1.0, 0, 0]) == (
        "draws none of 1 character; undecided: bart; every sample is recognised"  # 0.9^10 = 0.35
    )


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (0.004, "under 1 %"), (0.006, "1 %"), (0.714, "71 %"), (0.996, "over 99 %"), (1, "100 %")],
)
def test_percent_never_rounds_to_none_or_all(share, words):
    assert characters.percent(share) == words


def test_the_undecided_are_warned_about():
    assert characters.undecided(np.array([40, 30, 20, 10]), REAL, NAMES) is None
    undecided = characters.undecided(np.array([0, 60, 0, 0]), REAL, NAMES)
    assert undecided == ("undecided", {"count": 60, "names": ["homer", "lisa", "ned"]})
    assert characters.undecided(np.array([0, 0, 0, 0]), REAL, NAMES).figures["count"] == 0
