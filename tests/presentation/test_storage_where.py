"""Chapter 1 says what was measured, whichever way it came out."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from mlflow_study.evidence.records import Kpi
from mlflow_study.presentation import page, storage_answer
from mlflow_study.presentation import storage_where as where
from mlflow_study.storage.kpis import RUN_KINDS


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Titles and texts of what is put on the page."""
    heard: list[str] = []
    monkeypatch.setattr(page, "finding", lambda title, text="": heard.append(f"{title}\n{text}"))
    monkeypatch.setattr(page, "prose", heard.append)
    monkeypatch.setattr(page, "missing", heard.append)
    monkeypatch.setattr(page, "table", lambda df, **options: heard.append(df.to_string()))
    return heard


def kpi(id: str, valeur: Any, n: int | None = None, **conditions: Any) -> Kpi:
    return Kpi(
        id=id, chapitre="01_stockage", libelle="x", valeur=valeur, unite="", n=n, methode="x",
        conditions=conditions,
    )  # fmt: skip


def by_id(*records: Kpi) -> dict[str, Kpi]:
    return {record.id: record for record in records}


def test_existing_data_used_or_refused(said: list[str]) -> None:
    where.existing_finding(by_id(kpi("stockage.defaut.existant", "écrit")))
    where.existing_finding(by_id(kpi("stockage.defaut.existant", "refus")))
    assert "restent utilisées" in said[0]
    assert "refusées" in said[1]


@pytest.mark.parametrize(
    ("doubles", "words"), [(0, "là seulement"), (5, "selon une course"), (12, "écrits deux fois")]
)
def test_spans_once_by_chance_or_twice(said: list[str], doubles: int, words: str) -> None:
    where.double_finding(by_id(kpi("stockage.trace.deux_fois.sqlite", doubles, 12)))
    assert words in said[0]


def _cases(refused: bool, altered: int, lost: int = 0) -> pd.DataFrame:
    """A sound store, and one of which a file is cut."""
    return pd.DataFrame(
        [{"cas": "ordinaire", "libelle": "un cas", "objets": 9, "alteres": altered, "perdus": 0,
          "refus": refused, "silencieux": altered > 0},
         {"cas": "abime", "libelle": "un fichier coupé", "objets": 9, "alteres": 0, "perdus": lost,
          "refus": False, "silencieux": lost > 0}]
    )  # fmt: skip


def _kills(partial: bool, code: int) -> pd.DataFrame:
    return pd.DataFrame(
        [{"fini": False, "partiel": partial, "reprise": code, "identique": code == 0, "moment": m,
          "sans_reponse": None, "phase": phase} for m, phase in ((0.1, "schéma"), (0.6, "données"))]
    )  # fmt: skip


def test_migration_every_way(said: list[str]) -> None:
    kept = pd.DataFrame([{"runs_avant": 1, "runs_apres": 1}])
    lost = pd.DataFrame([{"runs_avant": 1, "runs_apres": 0}])
    where.migration_findings(_cases(False, 0), _kills(False, 0), kept)
    text = "\n".join(said)
    assert "fidèle dans tous les cas" in text
    assert "ne laisse rien à moitié" in text
    assert "1 pendant que MLflow crée ses tables" in text
    assert "1 une fois toutes les tables créées, les seuls que S19 compte (à 60\u00a0%" in text
    assert "ce que juge S20" in text
    assert "effacée" not in text
    said.clear()
    where.migration_findings(_cases(True, 0), _kills(True, 1), lost)
    text = "\n".join(said)
    assert "refuse un magasin ordinaire" in text
    assert "état intermédiaire" in text
    assert "effacée avant" in text
    assert "S20 ne porte pas sur ce cas" in text
    assert "succès" not in text


@pytest.mark.parametrize(
    ("altered", "lost", "words"),
    [
        (2, 0, "dans 1 magasin sain sur 1\n"),
        (2, 3, "dans 1 magasin sain sur 1, et dans celui dont un fichier est coupé\n"),
        (0, 3, "dans le magasin dont un fichier est coupé\n"),
    ],
)
def test_migration_that_says_success(said: list[str], altered: int, lost: int, words: str) -> None:
    kept = pd.DataFrame([{"runs_avant": 1, "runs_apres": 1}])
    where.migration_findings(_cases(False, altered, lost), _kills(False, 0), kept)
    found = "\n".join(said).replace("\u00a0", " ")
    assert f"dit « succès » et change ou perd des données {words}" in found
    assert ("safe_read_yaml" in found) == (lost > 0)


def test_an_error_of_the_database_where_a_length_is_checked_or_not(said: list[str]) -> None:
    rows = [{"backend": "mariadb", "libelle": "un nom", "annoncee": announced, "trouvee": 256, "bornee": True,
             "au_dela": "erreur de la base"} for announced in (500, None, None)]  # fmt: skip
    where.limits_finding(pd.DataFrame(rows))
    assert "dans 1, MLflow vérifie une longueur que la colonne ne peut pas recevoir" in said[0]
    assert "dans 2, aucune borne n’est annoncée, et MLflow ne vérifie rien" in said[0]
    where.limits_finding(pd.DataFrame(rows[:1]))
    assert "ne vérifie rien" not in said[1]


def test_what_collection_leaves_is_that_of_the_default_store() -> None:
    prefix = "stockage.suppression.restes."
    files, sqlite = kpi(f"{prefix}file", 6, 14), kpi(f"{prefix}sqlite", 5, 14)
    told = storage_answer._left(by_id(files, sqlite)).replace("\u00a0", " ")
    assert (
        "sur SQLite, 5 genres de données d’un run sur 14 restent (5 à 6 selon le magasin)" in told
    )
    assert "selon le magasin" not in storage_answer._left(by_id(sqlite))
    assert storage_answer._left(by_id(kpi(f"{prefix}sqlite", 0, 14))) == ""


def test_deletion_every_way(said: list[str]) -> None:
    left = pd.DataFrame(
        [{"backend": "sqlite", "genre": "id run", "nature": "base", "lieu": "inputs.source_id",
          "modele_lisible": True}]
    )  # fmt: skip
    clean = by_id(
        kpi("stockage.suppression.restes.sqlite", 0, 14),
        kpi("stockage.suppression.run.sqlite", 0, 21),
    )
    where.deletion_finding(clean, left.iloc[:0])
    assert any("Rien d’un run ne reste" in text for text in said)
    said.clear()
    dirty = by_id(
        kpi("stockage.suppression.restes.sqlite", 5, 14),
        kpi("stockage.suppression.run.sqlite", 1, 21),
    )
    where.deletion_finding(dirty, left)
    assert "répond encore" in said[0]
    assert "laisse 5 des 14" in said[1]


def test_restored_whole_or_not(said: list[str]) -> None:
    whole = kpi("stockage.suppression.restauration.file", True, appreciations=1, rendues=1)
    less = kpi("stockage.suppression.restauration.sqlite", False, appreciations=1, rendues=0)
    unlisted = kpi("stockage.suppression.restauration.uri", False, appreciations=1, rendues=1)
    where.restore_sentence(by_id(whole))
    assert len(said) == 1
    assert "revient entier" in said[0]
    said.clear()
    where.restore_sentence(by_id(whole, less))
    assert ["revient entier" in text for text in said] == [True, False, False]
    assert "effacées pour de bon" in said[2]
    said.clear()
    where.restore_sentence(by_id(unlisted))
    assert len(said) == 1
    said.clear()
    where.restore_sentence(by_id(kpi("stockage.suppression.restauration.uri", None, motif="x")))
    assert said == []


def test_every_kind_that_is_counted_can_be_shown(said: list[str]) -> None:
    left = pd.DataFrame(
        [{"backend": "file", "genre": genre, "lieu": "x"} for genre in ("metric_first", "feedback")]
    )
    labels = {kind: kind for kind in (*RUN_KINDS, *where.COMPANIONS)}
    where.deletion_table(left, labels, RUN_KINDS)
    assert "metric_first ; feedback" in said[0]


def test_an_older_release_is_named_with_the_claims_that_rest_on_it(said: list[str]) -> None:
    row = {"release": "2.22.1", "mlruns": True, "lecture": "1 run", "motif": ""}
    where.older_notice(pd.DataFrame([row]))
    where.older_notice(pd.DataFrame([row | {"motif": "aucune version demandée"}]))
    assert "MLflow 2.22.1" in said[0]
    assert "S2 et S8 ne sont éprouvées que sur cette version" in said[0]
    assert "S2" not in said[1]
    assert "aujourd’hui" not in said[0]
    where.older_notice(
        pd.DataFrame([row | {"lecture_fichiers": "1 run", "lecture_serveur": "non"}])
    )
    assert "un magasin de fichiers d’aujourd’hui, il lit le run." in said[2]
    assert "un serveur d’aujourd’hui, il échoue : `non`." in said[2]


def test_paging_every_way(said: list[str]) -> None:
    def pages(missing: int, doubled: int) -> pd.DataFrame:
        rows = [
            ("complète", 0, 0),
            ("ajout", 0, doubled),
            ("retrait", missing, 0),
            ("défaut", 0, 0),
        ]
        return pd.DataFrame(
            [{"backend": "sqlite", "essai": e, "attendus": 50, "lus": 50, "manquants": m, "doublons": d}
             for e, m, d in rows]
        )  # fmt: skip

    where.paging_findings(pages(0, 0))
    assert "supporte un ajout" in said[1]
    said.clear()
    where.paging_findings(pages(1, 1))
    assert "double ou oublie" in said[1]
    assert "attente de lecteur" in said[1]


def test_space_given_back_or_not(said: list[str]) -> None:
    prefix = "stockage.suppression.place_rendue."
    where.space_finding(by_id(kpi(f"{prefix}file", 1.0), kpi(f"{prefix}sqlite", 0.0)))
    where.space_finding(by_id(kpi(f"{prefix}file", 1.0)))
    assert "il faut compacter" in said[0]
    assert "rend la place au disque" in said[1]


def test_advice_follows_the_measurements(said: list[str]) -> None:
    storage_answer.advice({}, temps())
    storage_answer.advice(
        by_id(
            kpi("stockage.defaut.existant", "refus"),
            kpi("stockage.migration.cas.infini", 2, 8),
            kpi("stockage.suppression.restes.sqlite", 5, 14),
        ),
        temps(),
    )
    assert said[0].count("\n") == 0
    assert "Avant de migrer" in said[1]
    assert "effacer vraiment" in said[1]


def temps(cured: float | None = None) -> pd.DataFrame:
    """Sorted searches of SQLite, stopped at 10 s; then after ``ANALYZE``, where it is given."""
    rows = [("search_order", 100_000, 10.0)]
    rows += [] if cured is None else [("search_order_analyze", 100_000, cured)]
    return pd.DataFrame(rows, columns=["operation", "taille", "wall_s"]).assign(magasin="sqlite")


def practical(name: str, value: float | None, origin: str) -> Kpi:
    record = kpi(f"stockage.capacite.pratique_{name}", value, origine=origin, motif="x")
    return record.model_copy(update={"unite": "runs"})


ONE, TEN = (
    practical("1s.search_order.sqlite", 3162.0, "mesuré"),
    practical("10s.search_order.sqlite", 31_623.0, "mesuré"),
)


@pytest.mark.parametrize(
    ("records", "cured", "words"),
    [
        (
            [ONE, TEN, practical("1s.search_order.postgresql", 341_744.0, "extrapolé")],
            1.89,
            "**Sur SQLite, lancer `ANALYZE` avant de trier par une métrique** : sans elle, le tri atteint 1 s "
            "dès 3 162 runs et 10 s dès 31 623 runs ; après elle, il prend 1,89 s à 100 000 runs (n = 1). "
            "Au-delà, passer à PostgreSQL : 1 s vers 340 000 runs (extrapolé).",
        ),
        (
            [practical("1s.search_order.sqlite", 12_345.0, "extrapolé"),
             practical("1s.search_order.postgresql", None, "aucune croissance montrée")],
            9.0,
            "**Ne pas trier par une métrique sur une grande base SQLite** : le tri atteint 1 s vers 12 000 runs "
            "(extrapolé). Au-delà, passer à PostgreSQL, où aucune taille mesurée n’atteint 1 s.",
        ),
        (
            [ONE, practical("1s.search_order.postgresql", 1000.0, "mesuré")],
            None,
            "**Ne pas trier par une métrique sur une grande base SQLite** : le tri atteint 1 s dès 3 162 runs.",
        ),
        ([ONE, practical("1s.search_order.postgresql", None, "trop peu de tailles")], None,
         "**Ne pas trier par une métrique sur une grande base SQLite** : le tri atteint 1 s dès 3 162 runs."),
        ([ONE, practical("10s.search_order.sqlite", 3162.0, "mesuré").model_copy(
            update={"conditions": {"origine": "mesuré", "taille_en_dessous": 1000}})], None,
         "**Ne pas trier par une métrique sur une grande base SQLite** : le tri, sous 1 s à 1 000 runs, atteint 10 s dès 3 162 runs."),
        ([practical("1s.search_order.sqlite", None, "trop loin")], 1.0, ""),
        ([], None, ""),
    ],
)  # fmt: skip
def test_sorting_on_the_default_store_is_warned_of_where_it_is_slow(
    records: list[Kpi], cured: float | None, words: str
) -> None:
    told = storage_answer._sorting(by_id(*records), temps(cured))
    assert told.replace("\u00a0", " ").replace("\u202f", " ") == words


@pytest.mark.parametrize(
    ("doubles", "words"),
    [(0, "est jugé à part."), (25, "est tantôt d’un seul côté, tantôt des deux."), (101, "est des deux côtés.")],
)  # fmt: skip
def test_kinds_that_are_judged_and_those_that_are_not(doubles: int, words: str) -> None:
    placed = by_id(
        kpi("stockage.lieu.mauvais_cote.sqlite", 0, 30),
        kpi("stockage.lieu.deux_fois.sqlite", 11, 33),
        kpi("stockage.lieu.nulle_part.sqlite", 1, 34, genres="dataset_value"),
        kpi("stockage.trace.deux_fois.sqlite", doubles, 101),
    )
    told = storage_answer._where(placed).replace("\u00a0", " ")
    assert told.startswith("Sur 34 genres de données suivis à la trace, 30 sont jugés")
    assert f"Le contenu des traces (3 genres) {words}" in told
    assert "Les valeurs d’un jeu de données ne sont nulle part" in told
    wrong = by_id(kpi("stockage.lieu.mauvais_cote.sqlite", 1, 30))
    assert "sauf sur SQLite." in storage_answer._where(wrong)


@pytest.mark.parametrize(("doubles", "said"), [(0, False), (5, True), (12, False), (-1, False)])
def test_the_place_of_traces_depends_on_a_race_where_it_varies(doubles: int, said: bool) -> None:
    traces = pd.DataFrame(
        {"backend": ["file", "sqlite"], "traces": [12, 12], "doubles": [12, doubles]}
    )
    assert ("selon une course" in where._race(traces)) == said


@pytest.mark.parametrize(
    ("entity", "text", "words"),
    [
        ("appréciations", "'zqzg', 1795917311854) → 'zqzg', 0)", "date de l’appréciation : 29 nov. 2026 → `0`"),
        ("points de métrique", "(0, 1000, '-inf') → (0, 1000, '-1.79e+308')", "valeur : `-inf` → `-1.79e+308`"),
        ("métriques de modèle", "(nan, 'ab', None, None) → (None, 'ab', None, None)", "valeur : `nan` → `None`"),
        ("appréciations", "('a, b', 'c', 'd', 1) → ('a, b', 'c', 'd', 2)", "`('a, b', 'c', 'd', 1) → ('a, b', 'c', 'd', 2)`"),
        ("paramètres", "'a\\r' → 'a'", "`'a\\r' → 'a'`"),
        ("runs", "perdu : ('skink-59', 'RUNNING', 1795", "perdu : `skink-59`"),
    ],
)  # fmt: skip
def test_what_a_migration_changed_is_named(entity: str, text: str, words: str) -> None:
    assert where._example(entity, text) == words
