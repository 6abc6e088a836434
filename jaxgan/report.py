"""Writes one page and notes about runs: python -m jaxgan.report DIR [DIR ...] [--out=report.html] [--lang=en|fr]

A sweep's directory stands for its members, one that holds runs for those.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from jaxgan import cli
from jaxgan.errors import UserError
from jaxgan.paths import expanded
from jaxgan.reporting import notes, page, wording
from jaxgan.reporting.language import LANGUAGES, Language
from jaxgan.reporting.report import gather
from jaxgan.writing import write_whole


def write(directories: Sequence[str | Path], out: str | Path = "report.html", lang: str = "en") -> list[str]:
    """Writes the page `out`, which needs no other file, and beside it the notes with the suffix `.md`.

    Args:
      directories: of runs, finished or not, of sweeps, which stand for their members, and of any that hold runs.
      out: ends in .html.
      lang: "en" or "fr".

    Returns:
      What could not be read, a line each; the rest is reported.

    Raises:
      UserError: none of the directories is a run, or `out` is no page.
    """
    out = expanded(out)
    cli.check_suffix(out, ".html")
    report = gather(directories, Language(lang))
    remarks = [wording.remark(path, one, report.language) for path, one in report.remarks]
    if not report.runs:
        raise UserError("; ".join(remarks) or "name one run directory or more")
    for path, content in (
        (out, page.render(report)),
        (out.with_suffix(".md"), notes.render(report, out.resolve().parent)),
    ):
        write_whole(path, content.encode(errors="replace"))  # a name can hold half a surrogate pair
    return remarks


def main(arguments: Sequence[str]) -> None:
    """Runs the command with `arguments`; raises UserError."""
    parser = cli.Parser(__doc__)
    parser.add_argument(
        "directories", nargs="+", metavar="DIR", help="a run directory, a sweep's, or one that holds such"
    )
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="the page; the notes get its name")
    parser.add_argument("--lang", choices=sorted(LANGUAGES), default="en", help="English or French")
    options = parser.parse_args(arguments)
    for remark in write(options.directories, options.out, options.lang):
        print(remark, file=sys.stderr)
    print(f"wrote {options.out}\nwrote {options.out.with_suffix('.md')}")


if __name__ == "__main__":
    cli.run(lambda: main(sys.argv[1:]))
