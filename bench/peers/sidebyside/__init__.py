"""The side-by-side benchmark, room by room.

What grows: `peers` and `scenarios` are tables, `../targets.json` is one, too.
A run: `command` reads the command line and leads through it; `rounds` goes round.
One sample: `configuration` writes a peer's files, `processes` starts programs and reads what they
cost, `machine` reads the cores, `measure` takes the sample, `idle` holds connections that do nothing.
What it means: `intervals` and `figures` make medians, ratios and intervals of samples, `targets`
judges them.
What is kept: `record` is the raw data, `report` the page, `chart` the picture.

Standard library only, Linux only.
"""
