"""French names of the systems under test, as every chapter's measures print them."""

from __future__ import annotations

STORES: dict[str, str] = {
    "file": "fichiers",
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "mariadb": "MariaDB",
    "http+sqlite": "serveur + SQLite",
    "http+postgresql": "serveur + PostgreSQL",
    "uri": "votre serveur",
}
