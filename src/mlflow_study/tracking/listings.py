"""Pages of everything else than runs: experiments, registered models, versions, traces.

Objects are created by MLflow's own API under a clock that ticks once for ten of them, so
that orders by time have ties; then they are read page by page.  The oracle knows the ids
that were created and the order that was asked: a listing is whole when every id comes
once, and in order when the times of the objects never go back and the pages, put end to
end, are what one large page gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import uuid4

import pandas as pd

from mlflow_study.stores import Store
from mlflow_study.tracking.generators import MOMENT

if TYPE_CHECKING:
    from mlflow import MlflowClient

CLOCKS = (
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.file_store",
    "mlflow.store.model_registry.file_store",
)
TIED = 10
"""Objects created in the same millisecond."""
PAGE = 7
COLUMNS = ("magasin", "objet", "voie", "ecrits", "rendus", "distincts", "ordonnes", "avertit")

Seen = tuple[str, int]
"""(id, time in ms) of one object that a page gave."""


@contextmanager
def coarse_clock() -> Iterator[None]:
    """MLflow's clock, in this process, ticks once for ``TIED`` creations."""
    count = iter(range(10**9))
    with ExitStack() as stack:
        for module in CLOCKS:
            clock = f"{module}.get_current_time_millis"
            stack.enter_context(patch(clock, lambda: MOMENT + next(count) // TIED))
        yield


@dataclass(frozen=True)
class Listing:
    """``create(i)`` makes object ``i`` and returns its id; ``read(order, size, token)`` a page."""

    name: str
    time_key: str
    create: Callable[[int], str]
    read: Callable[[list[str] | None, int, str | None], Any]
    seen: Callable[[Any], Seen]

    def pages(
        self, order: list[str] | None, size: int, between: Callable[[], object] | None = None
    ) -> list[Seen]:
        """All objects, page after page; ``between`` is called once, after the first page."""
        found: list[Seen] = []
        token = None
        while True:
            page = self.read(order, size, token)
            found += [self.seen(item) for item in page]
            token = page.token
            if not token:
                return found
            if between is not None:
                between()
                between = None


def _listings(store: Store) -> list[Listing]:
    from mlflow.entities import TraceInfo, TraceState
    from mlflow.entities.trace_location import TraceLocation

    client: MlflowClient = store.client()
    # Of two objects, the one created later comes first in the order by default: names go down.
    prefix = f"liste-{uuid4().hex[:8]}"
    parent = f"versions-{prefix}"
    client.create_registered_model(parent)
    traced = store.create_experiment("traces")
    assert store.artifacts is not None
    source = (store.artifacts / "modele").as_uri()

    def name(i: int) -> str:
        return f"{prefix}-{9999 - i}"

    def model(i: int) -> str:
        return str(client.create_registered_model(name(i)).name)

    def version(_: int) -> str:
        made = client.create_model_version(parent, source, await_creation_for=0)
        return str(made.version)

    def trace(i: int) -> str:
        info = TraceInfo(
            trace_id=f"tr-{uuid4().hex}",
            trace_location=TraceLocation.from_experiment_id(traced),
            request_time=MOMENT + i // TIED,
            state=TraceState.OK,
        )
        return str(client._tracking_client.store.start_trace(info).trace_id)

    mine = f"name LIKE '{prefix}-%'"
    return [
        Listing(
            "expériences",
            "creation_time",
            lambda i: str(client.create_experiment(name(i))),
            lambda order, size, token: client.search_experiments(
                filter_string=mine, order_by=order, max_results=size, page_token=token
            ),
            lambda e: (e.experiment_id, e.creation_time),
        ),
        Listing(
            "modèles",
            "last_updated_timestamp",
            model,
            lambda order, size, token: client.search_registered_models(
                mine, order_by=order, max_results=size, page_token=token
            ),
            lambda m: (m.name, m.last_updated_timestamp),
        ),
        Listing(
            "versions",
            "last_updated_timestamp",
            version,
            lambda order, size, token: client.search_model_versions(
                f"name = '{parent}'", order_by=order, max_results=size, page_token=token
            ),
            lambda v: (str(v.version), v.last_updated_timestamp),
        ),
        Listing(
            "traces",
            "timestamp_ms",
            trace,
            lambda order, size, token: client.search_traces(
                locations=[traced],
                order_by=order,
                max_results=size,
                page_token=token,
                include_spans=False,
            ),
            lambda t: (t.info.trace_id, t.info.request_time),
        ),
    ]


def listings(store: Store, count: int) -> pd.DataFrame:
    """``count`` objects of each sort, read by pages: quiet, and while one more is created.

    Columns ``COLUMNS``, as those of ``completeness``; ``ordonnes`` as above.
    """
    rows: list[dict[str, Any]] = []

    def note(listing: Listing, voie: str, found: list[Seen], wanted: set[str], ok: bool) -> None:
        ids = [id for id, _ in found if id in wanted]
        rows.append(
            dict(
                zip(
                    COLUMNS,
                    (store.name, listing.name, voie, len(wanted), len(ids), len(set(ids)), ok, ""),
                    strict=True,
                )
            )
        )

    with coarse_clock():
        for listing in _listings(store):
            wanted = {listing.create(i) for i in range(count)}
            for order in (None, [f"{listing.time_key} ASC"]):
                whole = listing.pages(order, 1000)
                found = listing.pages(order, PAGE)
                times = [moment for _, moment in found]
                ordered = found == whole and (order is None or times == sorted(times))
                voie = f"pages de {PAGE}{', ex æquo' if order else ''}"
                note(listing, voie, found, wanted, ordered)
            newest = [f"{listing.time_key} DESC"]
            found = listing.pages(newest, PAGE, lambda: listing.create(count))  # noqa: B023
            note(listing, f"pages de {PAGE}, un objet créé entre deux", found, wanted, True)
    return pd.DataFrame(rows, columns=list(COLUMNS))
