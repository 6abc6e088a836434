import json

import pytest
from support import ROOT


@pytest.mark.parametrize("name", ["train"])
def test_cells_run(name, tmp_path, monkeypatch):
    """With the tiny preset, and without the cell that installs."""
    cells = json.loads((ROOT / "colab" / f"{name}.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"][1:]
    assert all(cell["outputs"] == [] for cell in cells if cell["cell_type"] == "code")
    source = "\n".join(code).replace(":quick", ":tiny").replace("runs/notebook", str(tmp_path / "run"))
    monkeypatch.chdir(ROOT)
    names = {}
    exec(source, names)
    assert names["step"] == 6
    assert (tmp_path / "run" / "samples" / "000006.png").exists()
