"""Can MLflow's own registry webhooks give the history that the registry does not keep?

A registry life is played on a server whose webhooks call a journal
(``payload/webhook_journal.py``); then what was announced is compared with what happened,
and the past is asked of the journal.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Thread
from typing import Any

import pandas as pd

from mlflow_study.traceability.payload.webhook_journal import EVENTS, receiver
from mlflow_study.traceability.questions import default_uri
from mlflow_study.traceability.registry_history import (
    MODELS,
    Fact,
    Journal,
    Life,
    Reader,
    ask,
    begin,
    play,
)
from mlflow_study.traceability.served import open_served

SECRET = "etude"
PATIENCE_S = 10.0
ANNOUNCED = {
    "version": "model_version.created",
    "alias": "model_version_alias.created",
    "etiquette": "model_version_tag.set",
    "suppression-alias": "model_version_alias.deleted",
    "stade": "",
    "description": "",
    "suppression-version": "",
    "suppression-run": "",
    "renouvellement": "registered_model.created",
}
"""Kind of event of a life -> the webhook event that announces it; "" when none does."""


@contextmanager
def _receiving() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(address, deliveries so far) of a running receiver."""
    received: list[dict[str, Any]] = []
    server = receiver(0, SECRET, lambda line: received.append(json.loads(line)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def journal_by_webhooks(events: int, queries: int, seed: int) -> dict[str, pd.DataFrame]:
    """Tables: ``annonces`` (genre, joues, promis, annonces, auteur) and ``questions`` (nature, lecteur, note).

    ``genre`` is a kind of registry event, ``joues`` how many were played, ``promis`` whether
    MLflow lists an event for it, ``annonces`` how many deliveries came for them, ``auteur`` how many of these name an account.
    """
    with open_served(authenticated=False) as served, _receiving() as (address, received):
        store = served.store
        with default_uri(store.tracking_uri):
            life = begin(store, seed)
            life.pause_s = 0.03  # a delivery leaves a few milliseconds after the answer
            store.client().create_webhook("journal", address, list(EVENTS), secret=SECRET)
            play(store.name, life, events, repeats=0)
            _wait_for(received, life)
            rows = ask(
                store.name, life, {"webhooks": _from_webhooks(life, received)}, queries, seed
            )
    return {
        "annonces": pd.DataFrame(_announced(life, received)),
        "questions": pd.DataFrame(rows),
    }


def _expected(life: Life) -> Counter[str]:
    """Webhook events that the life calls for."""
    played = Counter(life.kinds)
    wanted = Counter({ANNOUNCED[kind]: n for kind, n in played.items() if ANNOUNCED[kind]})
    wanted["registered_model.created"] += len(MODELS)
    return wanted


def _wait_for(received: Sequence[dict[str, Any]], life: Life) -> None:
    """Until as many deliveries have come as were called for, or patience ends."""
    deadline = time.monotonic() + PATIENCE_S
    while len(received) < _expected(life).total() and time.monotonic() < deadline:
        time.sleep(0.05)


def _announced(life: Life, received: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    got = Counter(f"{event['entity']}.{event['action']}" for event in received)
    got["registered_model.created"] -= len(MODELS)  # the first ones, before the life
    who = Counter(
        f"{event['entity']}.{event['action']}"
        for event in received
        if any("user" in key or "author" in key for key in (*event, *event["data"]))
    )
    played = Counter(life.kinds)
    return [
        {
            "genre": kind,
            "joues": played[kind],
            "promis": bool(name),
            "annonces": got[name] if name else 0,
            "auteur": who[name] if name else 0,
        }
        for kind, name in ANNOUNCED.items()
    ]


def _from_webhooks(life: Life, received: Sequence[dict[str, Any]]) -> Reader:
    """Replays the deliveries; what no event announces cannot be answered."""
    replayed = Journal()
    models = {name: model for model, name in life.names.items()}
    dated = [(datetime.fromisoformat(event["timestamp"]), event) for event in received]
    for when, event in sorted(dated, key=lambda pair: pair[0]):
        at = int(when.timestamp() * 1000)
        for fact, value in _facts(event, models):
            replayed.note(at, fact, value)

    def answer(moment: int, fact: Fact) -> tuple[bool, str | None]:
        known = fact[0] in ("alias", "etiquette", "existence")
        return (known, replayed.at(moment, fact)) if known else (False, None)

    return answer


def _facts(event: dict[str, Any], models: dict[str, str]) -> list[tuple[Fact, str | None]]:
    data, gone = event["data"], event["action"] == "deleted"
    model, version = models[data["name"]], str(data.get("version", ""))
    if event["entity"] == "model_version_alias":
        return [(("alias", model, "", data["alias"]), None if gone else version)]
    if event["entity"] == "model_version_tag":
        return [(("etiquette", model, version, data["key"]), None if gone else data["value"])]
    if event["entity"] == "model_version":
        return [(("existence", model, version, ""), "présente")]
    return []
