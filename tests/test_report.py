import subprocess
import sys

import pytest
from runfiles import write_run

from jaxgan import report
from jaxgan.errors import UserError


def test_the_command_says_what_it_wrote(tmp_path, capsys):
    path = write_run(tmp_path / "one")
    report.main([str(path), str(tmp_path / "nothing"), f"--out={tmp_path}/new/page.html"])
    captured = capsys.readouterr()
    assert captured.out == f"wrote {tmp_path}/new/page.html\nwrote {tmp_path}/new/page.md\n"
    assert captured.err == f"{tmp_path}/nothing: no such directory; left out\n"
    assert "](../one/samples/000600.png" in (tmp_path / "new" / "page.md").read_text()
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["page.html", "page.md"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: DIR"),
        (["x", "--lang=de"], "invalid choice: 'de'"),
        (["x", "--out=report.pdf"], "report.pdf: name a file that ends in .html"),
        (["/nowhere/run"], "/nowhere/run: no such directory; left out"),
    ],
)
def test_mistakes_are_one_line(arguments, said):
    with pytest.raises(UserError) as error:
        report.main(arguments)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_neither_jax_nor_tensorflow_is_imported():
    code = "import sys, jaxgan.report; sys.exit(bool({'jax', 'tensorflow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
