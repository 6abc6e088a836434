import string
from datetime import UTC, datetime

import pytest

from jaxgan.reporting import english, french
from jaxgan.reporting.language import Language

EN, FR = Language("en"), Language("fr")


def fields(text):
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)


def test_both_languages_have_the_same_texts_with_the_same_fields():
    assert english.TEXTS.keys() == french.TEXTS.keys()
    for key, text in english.TEXTS.items():
        assert fields(text) == fields(french.TEXTS[key]), key


@pytest.mark.parametrize(
    ("value", "en", "fr"),
    [
        (12.34, "12.3", "12,3"),
        (0.6, "0.6", "0,6"),
        (0, "0", "0"),
        (-0.5, "\u22120.5", "\u22120,5"),
        (308_000, "308,000", "308\u202f000"),
        (999.6, "1,000", "1\u202f000"),
        (1234.5, "1,234", "1\u202f234"),
        (0.00012, "0.00012", "0,00012"),
    ],
)
def test_numbers(value, en, fr):
    assert (EN.number(value), FR.number(value)) == (en, fr)


def test_intervals_shares_lists_and_dates():
    assert (EN.interval(11.8, 12.9), FR.interval(11.8, 12.9)) == ("[11.8, 12.9]", "[11,8\u202f; 12,9]")
    assert [EN.percent(share) for share in (0, 0.001, 0.714, 1)] == ["0\xa0%", "<1\xa0%", "71\xa0%", "100\xa0%"]
    assert (EN.several(["a", "b", "c"]), FR.several(["a", "b"])) == ("a, b and c", "a et b")
    moment = datetime(2026, 3, 9, 8, 5, tzinfo=UTC)
    assert (EN.date(moment), FR.date(moment)) == ("2026-03-09 08:05", "09/03/2026 08:05")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(40, "40 s"), (270, "4 min 30 s"), (3000, "50 min"), (3599, "1 h 00"), (20_700, "5 h 45"), (0, "0 s")],
)
def test_durations(seconds, said):
    assert EN.duration(seconds).replace("\xa0", " ") == said


def test_a_layers_figure_has_the_text_of_its_kind():
    assert EN.find("measure", "iterations_2") == "iterations until layer 2 came to rest"
    assert FR.find("metric", "dead_1").startswith("atomes de la couche 1")
    assert EN.find("measure", "error") != EN.find("measure", "error_1")
    assert EN.find("measure", "anything_1") is None


def test_french_typography():
    assert FR.text("set", name="toons", size=1, characters=2).startswith("toons\xa0: 1 images d\u2019apprentissage")
