"""Figures as SVG that takes its colours and letters from the page, and so follows its light or dark scheme."""

import html
import io
import re

import matplotlib
from matplotlib.figure import Figure

# Colours that stand for the page's own until `finish` puts those in.
INK, PAPER, HEAT = "#010101", "#fefefe", "#300101"
RUN, CHARACTER = "#10{:02x}01", "#20{:02x}01"


def finish(figure: Figure, description: str) -> str:
    """Returns the figure as an element that scales with the page, in the page's colours."""
    buffer, label = io.StringIO(), f' aria-label="{html.escape(description)}"'
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": ascii(description)}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<g id=\"[^\"]*\"", "<g", svg)
    svg = re.sub(r"<svg .*?(viewBox=\"[^\"]*\").*?>", lambda match: f'<svg {match[1]} role="img"{label}>', svg, count=1)
    svg = re.sub(r" font-family: [^;\"]*;?", "", svg).replace("xlink:href", "href")
    svg = re.sub(r" (?:d|x|y|transform)=\"[^\"]*\"", _rounded, svg)
    svg = svg.replace(INK, "currentColor").replace(PAPER, "var(--paper)").replace(HEAT, "var(--heat)")
    svg = re.sub(r"#10([0-9a-f]{2})01", lambda match: f"var(--run-{int(match[1], 16)})", svg)
    svg = re.sub(r"#20([0-9a-f]{2})01", lambda match: f"var(--character-{int(match[1], 16)})", svg)
    return re.sub(r"\n\s*", " ", svg)


def _rounded(attribute: re.Match) -> str:
    """Keeps a tenth of a unit of the coordinates, which are most of the file."""
    return re.sub(r"\d+\.\d{2,}", lambda digits: f"{float(digits[0]):.1f}".removesuffix(".0"), attribute[0])
