"""How a language writes numbers, times and the report's texts."""

from collections.abc import Sequence
from datetime import datetime

from jaxgan.reporting import english, french

LANGUAGES = {"en": english.TEXTS, "fr": french.TEXTS}
NARROW, HARD = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"
APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"


class Language:
    """Writes in English ("en") or in French ("fr")."""

    def __init__(self, code: str):
        self.code = code
        self._texts, self._thousands, self._decimal, self._separator = LANGUAGES[code], ",", ".", ", "
        if code == "fr":
            self._texts = {key: _typeset(text) for key, text in self._texts.items()}
            self._thousands, self._decimal, self._separator = NARROW, ",", f"{NARROW}; "

    def text(self, key: str, **fields: object) -> str:
        """Returns the text of that key, filled in."""
        return self._texts[key].format(**fields)

    def find(self, prefix: str, name: str) -> str | None:
        """Returns the text of a name that comes from a file, such as a collapse's kind; None where it is unknown.

        Where the name ends in a layer's number, as error_1, the text is that of error_n.
        """
        stem, _, layer = name.rpartition("_")
        if layer.isdecimal() and f"{prefix}_{stem}_n" in self._texts:
            return self.text(f"{prefix}_{stem}_n", layer=layer)
        return self._texts.get(f"{prefix}_{name}")

    def number(self, value: float, digits: int = 3) -> str:
        """So many significant digits; from 1,000 on all digits before the point."""
        text = f"{value:.{digits}g}"
        if abs(float(text)) >= 1000:
            text = f"{value:,.0f}"
        text = text.replace(",", "\0").replace(".", self._decimal).replace("\0", self._thousands)
        return text.replace("-", "\N{MINUS SIGN}")

    def count(self, value: float) -> str:
        return self.number(value) if abs(value) >= 1000 else f"{value:.0f}"

    def percent(self, share: float) -> str:
        """A share in [0, 1]; what would round to 0 but is more says so."""
        return f"<1{HARD}%" if 0 < share < 0.005 else f"{100 * share:.0f}{HARD}%"

    def interval(self, low: float, high: float) -> str:
        return f"[{self.number(low)}{self._separator}{self.number(high)}]"

    def duration(self, seconds: float) -> str:
        """In hours and minutes; in seconds where it is less than ten minutes."""
        minutes = round(seconds / 60)
        if minutes >= 60:
            return f"{minutes // 60:,}{HARD}h{HARD}{minutes % 60:02}"
        if minutes >= 10:
            return f"{minutes}{HARD}min"
        whole = round(seconds)
        return " ".join(filter(None, (whole >= 60 and f"{whole // 60}{HARD}min", f"{whole % 60}{HARD}s")))

    def several(self, items: Sequence[str]) -> str:
        """Returns items as a list in words."""
        *others, last = items
        return f"{', '.join(others)}{self.text('and')}{last}" if others else last

    def date(self, moment: datetime) -> str:
        return moment.strftime("%Y-%m-%d %H:%M" if self.code == "en" else "%d/%m/%Y %H:%M")


def _typeset(text: str) -> str:
    """French typography, which is not to be typed: the apostrophe, and spaces at which no line ends."""
    return text.replace("'", APOSTROPHE).replace(" :", f"{HARD}:").replace(" ;", f"{NARROW};")
