"""The side-by-side benchmark, room by room.

`command` reads the command line and leads through a run; `peers` and `scenarios` are the tables that
grow; `processes` starts programs and reads what they cost; `machine` reads the cores; `measure` takes
one sample; `figures` makes medians and ratios of samples; `report` writes them down.

Standard library only, Linux only.
"""
