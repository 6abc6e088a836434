"""All commands under one name: jaxgan COMMAND ..., or python -m jaxgan COMMAND ..."""

import ast
import runpy
import sys
from pathlib import Path

from jaxgan import cli
from jaxgan.errors import UserError

COMMANDS = {
    "train": "main",
    **{name: name for name in ("prepare", "sample", "evaluate", "report", "sweep", "benchmark", "export", "launch")},
}


def main() -> None:
    """Runs the command that is named first, as `python -m` does with its module."""
    cli.run(lambda: _run(sys.argv[1:]))


def _run(arguments: list[str]) -> None:
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        print("jaxgan COMMAND ...; each explains itself with --help\n")
        print("\n".join(f"  {name:10}{_summary(module)}" for name, module in COMMANDS.items()))
    elif name not in COMMANDS:
        raise UserError(f"no command {name!r}: there are {', '.join(COMMANDS)}")
    else:
        sys.argv[:2] = [f"jaxgan {name}"]
        runpy.run_module(f"jaxgan.{COMMANDS[name]}", run_name="__main__")


def _summary(module: str) -> str:
    """What a command says of itself first; its module is not imported, which would take a second."""
    text = ast.get_docstring(ast.parse(Path(__file__).with_name(f"{module}.py").read_text()))
    return text.splitlines()[0].partition(": python")[0].rstrip(".")


if __name__ == "__main__":
    main()
