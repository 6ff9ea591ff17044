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
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from mlflow import MlflowClient

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
ROUNDS = 3
"""Rounds of one event of each kind, after a webhook is made and after one is deleted."""
GRACE_S = 0.5
"""How long an announcement may come after those of the other webhook."""


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
    """Tables: ``annonces`` (genre, joues, promis, annonces, auteur), ``questions`` (nature, lecteur, note)
    and ``fraicheur`` (moment, evenement, joues, annonces).

    ``genre`` is a kind of registry event, ``joues`` how many were played, ``promis`` whether
    MLflow lists an event for it, ``annonces`` how many deliveries came for them, ``auteur`` how many of these name an account.
    ``fraicheur`` counts what a webhook made after the life hears of the events right after it,
    then what the first webhook hears right after its deletion.
    """
    with open_served(authenticated=False) as served, _receiving() as (address, received):
        store = served.store
        with default_uri(store.tracking_uri):
            life = begin(store, seed)
            life.pause_s = 0.03  # a delivery leaves a few milliseconds after the answer
            client = store.client()
            journal = client.create_webhook("journal", address, list(EVENTS), secret=SECRET)
            play(store.name, life, events, repeats=0)
            _wait_for(received, life)
            rows = ask(
                store.name, life, {"webhooks": _from_webhooks(life, received)}, queries, seed
            )
            announced = _announced(life, received)
            fresh = _freshness(client, journal.webhook_id, received)
    return {
        "annonces": pd.DataFrame(announced),
        "questions": pd.DataFrame(rows),
        "fraicheur": pd.DataFrame(fresh),
    }


def _freshness(
    client: MlflowClient, first: str, received: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What a new webhook misses, and what the deleted ``first`` one, heard in ``received``, still gets."""
    rows = []
    _round(client, "avant", received)  # the server has now asked for each list of webhooks
    with _receiving() as (address, late):
        client.create_webhook("tardif", address, list(EVENTS), secret=SECRET)
        for moment, heard in (("après la pose", late), ("après la suppression", received)):
            if heard is received:
                client.delete_webhook(first)
            before = len(heard)
            for number in range(ROUNDS):
                _round(client, f"{moment} {number}", received)
            time.sleep(GRACE_S)
            got = Counter(f"{event['entity']}.{event['action']}" for event in heard[before:])
            rows += [
                {"moment": moment, "evenement": event, "joues": ROUNDS, "annonces": got[event]}
                for event in EVENTS
            ]
    return rows


def _round(client: MlflowClient, name: str, received: Sequence[dict[str, Any]]) -> None:
    """One event of each of ``EVENTS``, on a new model, and the time for ``received`` to hear them."""
    wanted = len(received) + len(EVENTS)
    client.create_registered_model(name)
    client.create_model_version(name, "s3://seau/poids", await_creation_for=0)
    client.set_model_version_tag(name, "1", "validation", "oui")
    client.delete_model_version_tag(name, "1", "validation")
    client.set_registered_model_alias(name, "champion", "1")
    client.delete_registered_model_alias(name, "champion")
    deadline = time.monotonic() + 2 * GRACE_S
    while len(received) < wanted and time.monotonic() < deadline:
        time.sleep(0.02)


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
