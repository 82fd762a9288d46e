"""Draws a record as an SVG picture: for each scenario the median of every peer as a bar, with a whisker
from the lowest to the highest round. It follows the reader's light or dark colours."""

from xml.sax.saxutils import escape

from .peers import BASE, FLOOR, OURS
from .scenarios import Kind

# What is drawn of each kind of scenario, and its unit. Less is better in all of them.
FIGURES = {
    Kind.SATURATION: ("cpu_us", "CPU µs per request"),
    Kind.FIXED_RATE: ("cpu_us", "CPU µs per request"),
    Kind.ROUTES: ("cpu_us", "CPU µs per request"),
    Kind.IDLE: ("idle_kib", "KiB per idle connection"),
}

# A bar this many times as long as the base's is cut, or the others would be too short to compare.
CUT = 8

PANELS_PER_ROW = 2
PANEL_WIDTH = 440
MARGIN = 24
TITLE_HEIGHT = 46
ROW_HEIGHT = 22
BAR_HEIGHT = 12
NAME_WIDTH = 92
VALUE_WIDTH = 56
LEGEND_HEIGHT = 48

STYLE = """
  .paper { fill: #ffffff }
  text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
  .title { font-size: 14px; font-weight: 600 }
  .unit, .legend { fill: #59636e }
  .ours { font-weight: 600 }
  .value { font-variant-numeric: tabular-nums }
  rect.peer { fill: #b6bec8 }
  rect.base { fill: #7d8794 }
  rect.floor { fill: none; stroke: #7d8794; stroke-dasharray: 3 2 }
  rect.ours { fill: #0b6bcb }
  .axis { stroke: #d1d9e0 }
  .whisker { stroke: #1f2328; stroke-width: 1.2; fill: none }
  .gap { stroke: #ffffff; stroke-width: 2.5; fill: none }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 }
    text { fill: #e6edf3 }
    .unit, .legend { fill: #9198a1 }
    rect.peer { fill: #3d444d }
    rect.base { fill: #656c76 }
    rect.floor { stroke: #9198a1 }
    rect.ours { fill: #2f81f7 }
    .axis { stroke: #3d444d }
    .whisker { stroke: #e6edf3 }
    .gap { stroke: #0d1117 }
  }
"""


def svg(matrix):
    """The picture."""
    scenarios = [scenario for scenario in matrix.scenarios if scenario.samples]
    rows = [scenarios[at : at + PANELS_PER_ROW] for at in range(0, len(scenarios), PANELS_PER_ROW)]
    parts, top = [], MARGIN
    for row in rows:
        for column, scenario in enumerate(row):
            left = MARGIN + column * (PANEL_WIDTH + MARGIN)
            parts += _panel(scenario, left, top)
        top += max(_height(scenario) for scenario in row) + MARGIN
    width = MARGIN + PANELS_PER_ROW * (PANEL_WIDTH + MARGIN)
    parts += _legend(top)
    height = top + LEGEND_HEIGHT
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            "<title>What a request costs each peer, by scenario</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="paper" width="{width}" height="{height}"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _height(scenario):
    return TITLE_HEIGHT + ROW_HEIGHT * len(scenario.peers())


def _panel(scenario, left, top):
    """One scenario: its heading, and a row for each peer."""
    figure, unit = FIGURES[Kind(scenario.kind)]
    found = [(row.peer, row.figures[figure]) for row in scenario.summaries()]
    largest = max(spread.high for _, spread in found)
    for base in (spread.median for peer, spread in found if peer == BASE):
        largest = min(largest, CUT * base)
    # Memory may have shrunk meanwhile, and is no scale then.
    scale = (PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH) / largest if largest > 0 else 0
    zero = left + NAME_WIDTH
    bottom = top + TITLE_HEIGHT + ROW_HEIGHT * len(found)
    yield f'<text class="title" x="{left}" y="{top + 14}">{escape(scenario.heading)}</text>'
    yield f'<text class="unit" x="{left}" y="{top + 32}">{unit}</text>'
    for number, (peer, spread) in enumerate(found):
        middle = top + TITLE_HEIGHT + ROW_HEIGHT * number + ROW_HEIGHT / 2
        yield from _row(peer, spread, zero, middle, scale)
    yield f'<line class="axis" x1="{zero}" x2="{zero}" y1="{top + TITLE_HEIGHT}" y2="{bottom}"/>'


def _row(peer, spread, zero, middle, scale):
    """A peer: its name, its bar, the whisker, and the median in figures."""
    style = _style(peer)

    longest = PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH

    def at(value):
        return round(zero + min(max(value * scale, 0), longest), 1)

    low, high, end = at(spread.low), at(spread.high), at(spread.median)
    text = middle + 4
    yield f'<text class="{style}" x="{zero - 8}" y="{text}" text-anchor="end">{escape(peer)}</text>'
    yield (
        f'<rect class="{style}" x="{zero}" y="{middle - BAR_HEIGHT / 2}" '
        f'width="{round(end - zero, 1)}" height="{BAR_HEIGHT}"/>'
    )
    if spread.high * scale <= longest + 0.1:
        whisker = f"M{low} {middle}H{high}M{low} {middle - 3}v6M{high} {middle - 3}v6"
        yield f'<path class="whisker" d="{whisker}"/>'
    else:
        yield f'<path class="gap" d="M{high - 14} {middle + 9}l6 -18M{high - 9} {middle + 9}l6 -18"/>'
    yield f'<text class="value {style}" x="{high + 6}" y="{text}">{_digits(spread.median)}</text>'


def _legend(top):
    lines = (
        "Bars are medians, whiskers reach from the lowest to the highest round; less is better. A bar "
        f"with a gap is more than {CUT} times as long as {BASE}'s.",
        f"{OURS} is blue; {BASE}, in the stronger grey, is the base of the ratios; {FLOOR} (dashed) reads "
        "no HTTP.",
    )
    for number, line in enumerate(lines):
        yield f'<text class="legend" x="{MARGIN}" y="{top + 10 + 18 * number}">{escape(line)}</text>'


def _style(peer):
    return {OURS: "ours", BASE: "base", FLOOR: "floor"}.get(peer, "peer")


def _digits(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
