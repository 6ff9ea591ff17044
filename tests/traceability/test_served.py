"""Servers with accounts and webhooks: what they announce, and whom they remember."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import urllib.error
import urllib.request

import pytest

from mlflow_study.traceability.changes import follow_under_accounts
from mlflow_study.traceability.payload.audit_proxy import account
from mlflow_study.traceability.payload.webhook_journal import EVENTS, receiver
from mlflow_study.traceability.served import accounts_refusal, open_served
from mlflow_study.traceability.webhooks import journal_by_webhooks


def deliver(port: int, body: bytes, signature: str) -> int:
    headers = {"X-MLflow-Delivery-Id": "d", "X-MLflow-Timestamp": "1"}
    headers["X-MLflow-Signature"] = signature
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


def test_the_journal_keeps_what_is_signed_and_refuses_the_rest() -> None:
    kept: list[str] = []
    server = receiver(0, "secret", kept.append)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    body = json.dumps({"entity": "model_version"}).encode()
    good = base64.b64encode(hmac.new(b"secret", b"d.1." + body, hashlib.sha256).digest()).decode()
    port = server.server_address[1]
    try:
        assert deliver(port, body, f"v1,{good}") == 200
        assert deliver(port, body + b" ", f"v1,{good}") == 401
        assert deliver(port, body, "") == 401
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert kept == [body.decode()]


def test_every_event_of_the_example_exists() -> None:
    from mlflow.entities.webhook import WebhookEvent

    assert [str(WebhookEvent.from_str(event)) for event in EVENTS] == list(EVENTS)


@pytest.mark.lent
def test_webhooks_announce_aliases_and_neither_stages_nor_authors() -> None:
    tables = journal_by_webhooks(60, 60, 7)
    kinds = tables["annonces"].set_index("genre")
    assert kinds.loc["alias", "joues"] == kinds.loc["alias", "annonces"] > 0
    assert kinds.loc["version", "joues"] == kinds.loc["version", "annonces"] > 0
    assert kinds.loc["stade", "joues"] > 0
    assert kinds.loc["stade", "annonces"] == 0
    assert kinds["auteur"].sum() == 0
    notes = tables["questions"].groupby("nature")["note"].agg(set)
    assert notes["stade"] == {"absente"}
    assert "juste" in notes["alias"]
    fresh = tables["fraicheur"].groupby("moment")[["joues", "annonces"]].sum()
    assert fresh.loc["après la pose"].tolist() == [18, 0]
    assert fresh.loc["après la suppression"].tolist() == [18, 18]


@pytest.mark.lent
def test_an_account_is_asked_for_and_only_the_creator_is_remembered() -> None:
    reason = accounts_refusal()
    if reason is not None:
        pytest.skip(reason)
    from mlflow.exceptions import MlflowException

    with open_served(authenticated=True) as served:
        client = served.store.client()
        assert client.search_experiments()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MLFLOW_TRACKING_PASSWORD", "faux")
            with pytest.raises(MlflowException):
                client.search_experiments()
    table = follow_under_accounts(False, ["etiquette", "numero-reutilise", "auteur"]).set_index(
        "changement"
    )
    assert table.loc["etiquette", "auteur"] == "nulle part"
    assert table.loc["auteur", "issue"] == "accepté"  # an account may sign for another one
    assert table.loc["numero-reutilise", "auteur"] == "base"  # its right tells who created it


@pytest.mark.lent
def test_the_proxy_proves_who_acted_and_keeps_what_was() -> None:
    tried = ["etiquette", "alias", "suppression", "base-parametre"]
    table = follow_under_accounts(True, tried).set_index("changement")
    assert table.loc["etiquette", ["ancienne", "date", "auteur"]].tolist() == ["base"] * 3
    assert table.loc["alias", ["ancienne", "date", "auteur"]].tolist() == ["base"] * 3
    assert table.loc["suppression", "auteur"] == "base"
    assert table.loc["base-parametre", "auteur"] == "nulle part"  # a hand behind the proxy


def test_the_proxy_knows_accounts_by_their_passwords() -> None:
    def header(text: str) -> str:
        return "Basic " + base64.b64encode(text.encode()).decode()

    passwords = {"ada": "x"}
    assert account(header("ada:x"), passwords) == "ada"
    for wrong in (header("ada:y"), header("bob:x"), "", "Basic é"):
        assert account(wrong, passwords) is None
