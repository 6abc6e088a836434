import pytest
from page import full_run, written
from runfiles import write_run

from jaxgan.reporting.notes import compact, escape


def test_notes_have_the_form_of_the_users_page(tmp_path):
    path = full_run(tmp_path / "runs" / "one", gamma=0.3)
    _, notes, _ = written(tmp_path, path)
    section = notes[notes.index("#####") :]
    assert section.replace("\xa0", " ") == (
        "##### Test one in 32x32 batchsize=32 steps=600 lr=0.0001 gamma=0.3 data=toons\n"
        "\n"
        "__Results__ :\n"
        "\n"
        "  - BEGAN : finished, 600 steps (epoch 60)  \n"
        "    Time=5h45\n"
        "  - collapsed at step 300 (flat): one colour in 95 % of the samples\n"
        "  - draws 2 of 3 characters: bart 70 %, lisa 30 %\n"
        "  - lost: homer (real 20 %)\n"
        "  - evaluated at step 600:\n"
        "      - fd_probe 12.3 [11.8, 12.9], floor 0.6\n"
        "      - coverage 0.4 [0.3, 0.5], floor 0.6\n"
        "\n"
        "__Conclusion__ :\n"
        "\n"
        "  - collapsed at step 300 (flat)\n"
        "  - draws 2 of 3 characters\n"
        "\n"
        '![one, step 600](runs/one/samples/000600.png "one")\n'
    )


def test_notes_name_what_the_runs_differ_in(tmp_path):
    paths = [write_run(tmp_path / "a", lr_d=2e-4), write_run(tmp_path / "b", activation="relu", steps=None, epochs=3)]
    _, notes, _ = written(tmp_path, *paths)
    assert "Test a in 32x32 batchsize=32 steps=600 lr_g=0.0001 lr_d=0.0002 gamma=0.5 data=toons activation=elu" in notes
    assert "Test b in 32x32 batchsize=32 epochs=3 lr=0.0001 gamma=0.5 data=toons activation=relu" in notes


def test_french(tmp_path):
    path = full_run(tmp_path / "un")
    page, notes, remarks = written(tmp_path, path, tmp_path / "rien", lang="fr")
    assert page.all("html") == [{"lang": "fr"}]
    row = page.rows()["un"]
    assert row["état"] == "terminé, effondré (aplat, pas 300)"
    assert row["fd_probe"] == "12,3 [11,8\u202f; 12,9], plancher 0,6".replace("\u202f", " ")
    for said in ("Comparaison", "Courbes", "Évaluation", "Personnages au fil du temps"):
        assert said in page.text
    for said in (
        "##### Test un en 32x32",
        "__Résultats__ :",
        "__Conclusion__ :",
        "effondrement au pas 300 (aplat)",
    ):
        assert said in notes
    assert remarks == [f"{tmp_path}/rien\xa0: ce dossier n\u2019existe pas\u202f; laissé de côté"]


def test_markdown_is_escaped_only_where_it_would_be_read():
    assert escape("fd_probe 5 [4, 6]") == "fd_probe 5 [4, 6]"
    assert escape("_a_ *b*\n# c") == r"\_a\_ \*b\* # c"
    assert escape("# a") == r"\# a"
    assert escape("1. a") == r"1\. a"
    assert escape("1.5 a") == "1.5 a"
    assert escape("<b> & c") == "&lt;b&gt; &amp; c"
    assert escape("~~a~~ $x$") == r"\~\~a\~\~ \$x\$"


@pytest.mark.parametrize(
    ("seconds", "said"), [(20_700, "5h45"), (3000, "50m"), (40, "40s"), (3599, "1h00"), (59.9, "60s"), (None, "")]
)
def test_times_are_written_as_in_the_users_notes(seconds, said):
    assert compact(seconds) == said
