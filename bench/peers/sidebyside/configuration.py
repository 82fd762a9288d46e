"""Writes a peer's configuration files for one sample: with the ports in use, and as many routes as asked.

The files in `../configurations` are complete as they stand. The part between `# a route` and
`# end of the route` is what one route takes; many routes repeat it with other numbers.
"""

import re
from pathlib import Path

FILES = Path(__file__).resolve().parent.parent / "configurations"

# What the files say; a run puts the ports that it has taken in their place.
LISTEN_PORT = "18080"
ORIGIN_PORT = "19000"

# The number of the route in the files. It is the last one of many, too, so that a peer that tries one
# route after the other tries them all.
ROUTE = 1000
PATH = f"/items/{ROUTE}/view"

_ONE_ROUTE = re.compile(r"^[ \t]*# a route\n(.*?)^[ \t]*# end of the route\n", re.M | re.S)


def write(names, directory, listen_port, origin_port, routes=1):
    """Writes these files into a directory; returns the path of the first of them."""
    texts = [(FILES / name).read_text() for name in names]
    for port, taken in ((LISTEN_PORT, listen_port), (ORIGIN_PORT, origin_port)):
        if "".join(texts).count(port) != 1:
            raise ValueError(f"{', '.join(names)} must name port {port} exactly once")
        texts = [text.replace(port, str(taken)) for text in texts]
    for name, text in zip(names, texts):
        (Path(directory) / name).write_text(_ONE_ROUTE.sub(lambda one: repeat(one, routes), text))
    return Path(directory) / names[0]


def repeat(one, routes):
    """The text of so many routes; the one in the file is the last."""
    numbers = range(ROUTE - routes + 1, ROUTE + 1)
    return "".join(one.group(1).replace(str(ROUTE), f"{number:04}") for number in numbers)
