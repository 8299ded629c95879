"""A figure as a page: blocks from top to bottom, placed in inches.

Text is measured before it is placed, so that nothing is cut off or overlaps whatever the names are.
"""

from experiments.screens.figures import INK, PALE

STYLE = {
    "font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": PALE, "svg.hashsalt": "sadar",
}  # fmt: skip
#: inches: of the page, its margins, and a row of a panel
WIDTH, MARGIN, ROW = 14.0, 0.3, 0.4
GREY = "#555555"  # of what is said in small print


def measured(words: str, size: float = 11, bold: bool = False) -> float:
    """Inches of the longest line, with what hinting adds on a coarse screen."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight="bold" if bold else "normal")
    return max(text_to_path.get_text_width_height_descent(line, font, False)[0] for line in words.split("\n")) * 1.06 / 72


def wrapped(words: str, width: float, size: float = 11, bold: bool = False) -> list[str]:
    """Lines of at most so many inches; a word that is longer is cut."""
    lines = [""]
    for word in words.split():
        while len(word) > 2 and measured(word, size, bold) > width:
            word = word[:-2] + "…"
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and measured(longer, size, bold) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


class Page:
    """Blocks from top to bottom, drawn when the height is known: `down` is where the next one goes."""

    def __init__(self) -> None:
        self.down, self.blocks = MARGIN, []

    def add(self, height: float, draw) -> None:
        """A block of so many inches; draw(figure, top) puts it there."""
        self.blocks.append((self.down, draw))
        self.down += height

    def lines(self, words: str, size: float = 11, bold: bool = False, color: str = INK, gap: float = 0.0, most: int = 9) -> None:
        """A paragraph over the whole width."""
        found = wrapped(words, WIDTH - 2 * MARGIN, size, bold)
        found = found if len(found) <= most else [*found[: most - 1], found[most - 1][:-2] + "…"]
        style = {"fontsize": size, "color": color, "fontweight": "bold" if bold else "normal", "va": "top", "linespacing": 1.35}
        self.add(len(found) * size * 1.5 / 72 + gap, lambda out, top: put(out, MARGIN, top, "\n".join(found), **style))

    def figure(self):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        out = Figure(figsize=(WIDTH, self.down + MARGIN))
        FigureCanvasAgg(out)
        for top, draw in self.blocks:
            draw(out, top)
        return out


def put(out, left: float, top: float, words: str, **style):
    return out.text(left / WIDTH, 1 - top / out.get_figheight(), words, **{"fontsize": 11, "color": INK, **style})


def axes_at(out, left: float, top: float, width: float, height: float, rows: int):
    """Axes with places for rows, the first on top."""
    whole = out.get_figheight()
    axes = out.add_axes((left / WIDTH, 1 - (top + height) / whole, width / WIDTH, height / whole))
    axes.set_ylim(-0.5, rows - 0.5)
    axes.set_yticks([])
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def ticks(axes, show, width: float) -> None:
    """As many marks as have room."""
    from matplotlib.ticker import MaxNLocator

    for count in range(6, 0, -1):
        places = MaxNLocator(nbins=count, steps=[1, 2, 2.5, 5, 10], min_n_ticks=1)
        found = [show(value) for value in places.tick_values(*axes.get_xlim())]
        if sum(measured(words, 10) + 0.15 for words in found) < width:
            break
    axes.xaxis.set_major_locator(places)
    axes.xaxis.set_major_formatter(lambda value, _: show(value))
    axes.tick_params(axis="x", labelsize=10)
