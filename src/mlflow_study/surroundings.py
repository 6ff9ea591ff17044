"""What a measurement finds around it, beside its parameters: which stores can be had here.

MariaDB installed since, or another server's address, makes another measurement of the same
parameters.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any

from mlflow_study.paths import URI_VARIABLE
from mlflow_study.stores import STORE_NAMES, unavailable


def surroundings(parameters: Mapping[str, Any]) -> list[str]:
    """For each store that the parameters name: can it be opened here, at which address?

    The user's own address is told by a digest: it may hold a password.
    """
    text = repr(sorted(parameters.items()))
    named = [name for name in STORE_NAMES if repr(name) in text]
    found = [f"{name} : {unavailable(name) or 'ici'}" for name in named]
    if "uri" in named:
        address = os.environ.get(URI_VARIABLE, "")
        found.append(hashlib.sha256(address.encode()).hexdigest()[:16])
    return found
