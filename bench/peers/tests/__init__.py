"""Tests of the side-by-side benchmark: `python3 -m unittest discover -s bench/peers`."""
