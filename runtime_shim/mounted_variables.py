"""Variables from mounted secrets and config maps, named as their keys: what Kubernetes itself calls `envFrom`, for
targets whose documents cannot say it.

A target embeds this file, without comments and docstrings, before the program of such a container
(``penstock.compiler.packaging``): the keys to the datastore may be among them.
"""

from __future__ import annotations

import json
import os
import re


def set_variables(told: str) -> None:
    """Set a variable for each file in the folders that ``told``, a JSON object, names; later folders win.

    Variables that it calls ``kept`` stay, as those stay that a container is given one by one.  Files whose names no
    variable can have are left out, as Kubernetes leaves them out; a folder that is not there, as in a rehearsal, too.
    """
    document = json.loads(told)
    for folder in document["folders"]:
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            file = os.path.join(folder, name)
            if (
                name not in document["kept"]
                and re.match(r"[-._a-zA-Z][-._a-zA-Z0-9]*\Z", name)
                and os.path.isfile(file)
            ):
                with open(file, "rb") as stream:
                    os.environ[name] = os.fsdecode(stream.read())


if __name__ == "__main__":
    set_variables(os.environ["PENSTOCK_VARIABLES_FROM"])
