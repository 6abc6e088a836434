"""What an evaluation's figures say, in words."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from jaxgan.evaluation import Caveat
from jaxgan.reporting.language import Language


class Figure(Protocol):
    """A measure's value, and what real images reach."""

    value: float
    floor: float | None


def of_coverage(coverage: Figure, language: Language) -> str:
    """Returns how much of the held-out images samples cover, for a set without characters."""
    value, floor = language.percent(coverage.value), language.percent(coverage.floor or 0)
    return language.text("covers", value=value, floor=floor)


def of_codes(measures: Mapping[str, Figure], language: Language) -> str:
    """Returns what each layer draws of images, and what is told from its codes."""
    value = lambda name: measures[name].value
    layers = [name.removeprefix("distortion_") for name in measures if name.startswith("distortion_")]
    said = [
        language.text(
            "layer_draws",
            layer=layer,
            energy=language.percent(1 - value(f"distortion_{layer}")),
            share=language.percent(value(f"active_{layer}")),
        )
        for layer in layers
    ]
    if "accuracy_0" in measures:
        told = [language.text("told_from_images", share=language.percent(value("accuracy_0")))]
        for layer in layers:
            share = language.percent(value(f"accuracy_{layer}"))
            told.append(language.text("told_from_layer", layer=layer, share=share))
        said.append(language.text("classifier_tells", shares=", ".join(told)))
    return "; ".join(said)


def of_caveat(caveat: Caveat, language: Language) -> str:
    """Returns it as a sentence without its stop. Raises KeyError where the kind or its figures are not known."""
    return language.text(f"caveat_{caveat.kind}", **{name: _told(of, language) for name, of in caveat.figures.items()})


def _told(figure: float | Sequence[str], language: Language) -> str:
    if isinstance(figure, list):
        return ", ".join(figure)
    return language.percent(figure) if isinstance(figure, float) else language.count(figure)
