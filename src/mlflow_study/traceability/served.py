"""MLflow servers with what a team may switch on: accounts, registry webhooks.

    with open_served(authenticated=True) as served:
        served.account("ada")
        with served.acting_as("ada"):
            served.store.client().create_run(…)

The database is SQLite; accounts lie in a database of their own, as MLflow keeps them.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

from mlflow_study.nursery import changed_environment
from mlflow_study.scratch import memory_folder
from mlflow_study.stores import Process, Store, create_sqlite, serve
from mlflow_study.traceability.payload.audit_proxy import proxy

ADMIN, PASSWORD = "administratrice", "motdepasse-de-l-etude"
_CONFIG = f"""[mlflow]
default_permission = MANAGE
database_uri = {{database}}
admin_username = {ADMIN}
admin_password = {PASSWORD}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
grant_default_workspace_access = true
auth_cache_ttl_seconds = 600
"""


def accounts_refusal() -> str | None:
    """Why no authenticated server can be started here, in French."""
    if find_spec("flask_wtf") is None:
        return (
            "l’authentification de MLflow demande le paquet `Flask-WTF` "
            "(`pip install 'mlflow[auth]'`), qui n’est pas installé."
        )
    return None


@dataclass
class Served:
    """A running server; ``accounts_url`` is None when it asks for no account."""

    store: Store
    accounts_url: str | None = None
    known: set[str] = field(default_factory=set)

    def account(self, name: str) -> None:
        """Open an account, once."""
        from mlflow.server import get_app_client

        if self.accounts_url is not None and name not in self.known:
            get_app_client("basic-auth", self.store.tracking_uri).create_user(name, PASSWORD)
            self.known.add(name)

    def acting_as(self, name: str) -> AbstractContextManager[None]:
        """Every request of this process goes under the account ``name``, opened at once."""
        self.account(name)
        return changed_environment({"MLFLOW_TRACKING_USERNAME": name})


@dataclass
class Guarded(Served):
    """A server behind the proxy, which keeps the passwords."""

    passwords: dict[str, str] = field(default_factory=dict)

    def account(self, name: str) -> None:
        self.passwords[name] = PASSWORD


@contextmanager
def open_guarded() -> Iterator[Served]:
    """A server without accounts behind ``payload/audit_proxy.py``, which asks for one.

    ``accounts_url`` is the proxy's journal.
    """
    with (
        open_served(authenticated=False) as served,
        tempfile.TemporaryDirectory(dir=memory_folder()) as folder,
    ):
        journal, passwords = Path(folder) / "journal.db", {ADMIN: PASSWORD}
        door = proxy(0, served.store.tracking_uri, passwords, journal)
        thread = Thread(target=door.serve_forever, daemon=True)
        thread.start()
        try:
            address = f"http://127.0.0.1:{door.server_address[1]}"
            store = replace(served.store, tracking_uri=address)
            credentials = {"MLFLOW_TRACKING_USERNAME": ADMIN, "MLFLOW_TRACKING_PASSWORD": PASSWORD}
            with changed_environment(credentials):
                yield Guarded(store, f"sqlite:///{journal}", passwords=passwords)
        finally:
            door.shutdown()
            door.server_close()
            thread.join()


@contextmanager
def open_served(authenticated: bool) -> Iterator[Served]:
    """A server whose webhooks may call this machine.  Raises StudyError if it does not start."""
    with tempfile.TemporaryDirectory(
        prefix="mlflow-etude-", dir=memory_folder(), ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        url = create_sqlite(folder / "mlflow.db")
        artifacts = folder / "artefacts"
        artifacts.mkdir()
        accounts_url = f"sqlite:///{folder / 'comptes.db'}" if authenticated else None
        env = {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
            "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        }
        options = []
        if accounts_url is not None:
            config = folder / "comptes.ini"
            config.write_text(_CONFIG.format(database=accounts_url), encoding="utf-8")
            options = ["--app-name", "basic-auth"]
            env |= {
                "MLFLOW_AUTH_CONFIG_PATH": str(config),
                "MLFLOW_FLASK_SERVER_SECRET_KEY": "etude",
            }
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", url]
        command += ["--artifacts-destination", artifacts.as_uri(), "--host", "127.0.0.1"]
        command += ["--workers", "1", *options]

        def start(port: int) -> Process:
            return Process.start([*command, "--port", str(port)], folder / "serveur.log", env)

        address, process = serve(start)
        try:
            store = Store("http+sqlite", address, artifacts, database_url=url, process=process)
            credentials = {"MLFLOW_TRACKING_USERNAME": ADMIN, "MLFLOW_TRACKING_PASSWORD": PASSWORD}
            with changed_environment(credentials if authenticated else {}):
                yield Served(store, accounts_url)
        finally:
            process.stop()
