"""What shows a collapse, in words."""

from collections.abc import Mapping

from jaxgan.reporting.language import HARD, Language

SHOWN_BY = {  # the reading's measure that shows a kind by itself
    "flat": "contrast",
    "all alike": "diversity",
    "repeating": "distinct",
    "memorising": "copies",
    "frozen": "change",
}


def worded(kind: str, figures: Mapping, language: Language) -> str:
    """Returns a sentence without its stop.

    Args:
      kind: one of the alarm's.
      figures: what the alarm tells of it, and k where there is one.
      language: of the sentence.

    Raises:
      KeyError, TypeError, ValueError or AttributeError: they are not what the alarm tells of that kind.
    """
    percent = lambda share: f"{language.number(100 * share)}{HARD}%"
    match kind:
        case "few characters":
            said = {name: language.number(figures[name], 2) for name in ("effective_characters", "real_characters")}
            said["drawn"] = ", ".join(f"{name} {percent(share)}" for name, share in figures["characters"].items())
        case "diverging":
            said = {"measure": figures["measure"]}
            said |= {name: language.number(figures[name]) for name in ("value", "best")}
        case _:
            said = {SHOWN_BY[kind]: percent(figures[SHOWN_BY[kind]])}
    text = language.text(f"evidence_{kind}", **said)
    if "k" in figures:
        key = "evidence_k_at_bound" if figures.get("k_at_bound") else "evidence_k"
        text += language.text(key, k=language.number(figures["k"]))
    return text
