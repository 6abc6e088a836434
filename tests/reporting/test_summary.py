import json

import pytest
from page import full_run, written

from jaxgan.evaluation import Caveat
from jaxgan.evaluation.measures import Measure
from jaxgan.reporting import english, summary
from jaxgan.reporting.language import Language

EN, FR = Language("en"), Language("fr")
CAVEATS = [
    Caveat("no_labels", {}),
    Caveat("unlearnt_probe", {}),
    Caveat("weak_probe", {"share": 0.4}),
    Caveat("biased_by_samples", {"count": 80, "features": 128}),
    Caveat("biased_by_held_out", {"count": 90, "features": 128}),
    Caveat("few_samples", {"count": 80, "enough": 500}),
    Caveat("few_held_out", {"count": 90, "enough": 200}),
    Caveat("few_trained", {"count": 1200, "samples": 2000}),
    Caveat("undecided", {"count": 60, "names": ["bart", "lisa"]}),
    Caveat("not_converged", {"share": 0.6}),
]


def figures(**values):
    return {name: Measure(value, 0.5, value, value, 0.0) for name, value in values.items()}


def plain(text):
    return text.replace("\xa0", " ").replace("\u202f", " ").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


@pytest.mark.parametrize("caveat", CAVEATS, ids=[caveat.kind for caveat in CAVEATS])
def test_every_caveat_is_told_in_both_languages(caveat):
    texts = {plain(summary.of_caveat(caveat, language)) for language in (EN, FR)}
    assert len(texts) == 2
    assert not any("{" in text for text in texts)


def test_these_are_all_of_them():
    told = {key.removeprefix("caveat_") for key in english.TEXTS if key.startswith("caveat_")}
    assert told == {caveat.kind for caveat in CAVEATS}


def test_figures_are_written_as_the_language_has_them():
    few, undecided = CAVEATS[7], CAVEATS[8]
    assert "all 1,200 training images" in summary.of_caveat(few, EN)
    assert "les 1 200 images" in plain(summary.of_caveat(few, FR))
    assert "has lost bart, lisa:" in summary.of_caveat(undecided, EN)


def test_codes_are_told_by_their_figures():
    found = figures(distortion_1=0.5, active_1=0.05, distortion_2=0.8, active_2=0.001)
    assert plain(summary.of_codes(found, EN)) == (
        "layer 1 draws images with 50 % of their energy from 5 % of its coefficients; "
        "layer 2 draws images with 20 % of their energy from <1 % of its coefficients"
    )
    told = plain(summary.of_codes(found | figures(accuracy_0=0.2, accuracy_1=0.3, accuracy_2=0.4), FR))
    assert told.endswith(
        "un classifieur linéaire en reconnaît 20 % d'après les images, 30 % d'après la couche 1, "
        "40 % d'après la couche 2"
    )


def french_notes(tmp_path, **evaluation):
    path = full_run(tmp_path / "one")
    file = path / "evaluation.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | evaluation))
    _, notes, _ = written(tmp_path, path, lang="fr")
    return plain(notes)


def test_the_notes_tell_them_in_their_language(tmp_path):
    warned = CAVEATS[2]._asdict() | {"text": "the probe names only 40 %"}
    older, unknown = "the probe knows nobody", {"kind": "of tomorrow", "figures": {}, "text": "mind tomorrow"}
    damaged = [7, {"kind": "weak_probe", "figures": {"share": 0.4}}]
    notes = french_notes(tmp_path, warnings=[warned, older, unknown, *damaged])
    told = [line for line in notes.splitlines() if "avertissement" in line]
    assert len(told) == 3
    assert told[0].endswith("the probe knows nobody")
    assert "la sonde ne reconnaît que 40 % des images" in told[1]
    assert told[2].endswith("mind tomorrow")


def test_without_characters_the_notes_tell_coverage(tmp_path):
    notes = french_notes(tmp_path, characters={}, real_characters={}, drawn=[], lost=[], summary="covers")
    assert "couvre 40 % des images mises de côté, là où autant d'images d'apprentissage en couvrent 60 %" in notes
