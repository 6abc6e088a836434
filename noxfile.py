"""`nox --list` names six environments; `nox -s "tests-3.11(lowest)" -- -n 4` runs one, with arguments for pytest."""

import nox

nox.options.default_venv_backend = "uv"


@nox.session(python=["3.11", "3.12", "3.13"])
@nox.parametrize("versions", [nox.param("lowest-direct", id="lowest"), nox.param("highest", id="newest")])
def tests(session: nox.Session, versions: str) -> None:
    """The tests, with the lowest or the newest versions of what pyproject.toml asks for."""
    session.install(f"--resolution={versions}", "-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)
