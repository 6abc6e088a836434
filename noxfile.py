"""The tests with the lowest and with the newest versions of what pyproject.toml asks for, on each Python.

`nox --list` names the six; `nox -s "tests-3.11(lowest)" -- -n 4` runs one, with arguments for pytest.
"""

import nox

nox.options.default_venv_backend = "uv"


@nox.session(python=["3.11", "3.12", "3.13"])
@nox.parametrize("versions", [nox.param("lowest-direct", id="lowest"), nox.param("highest", id="newest")])
def tests(session: nox.Session, versions: str) -> None:
    session.install(f"--resolution={versions}", "-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)
