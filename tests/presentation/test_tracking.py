"""Sentences of the tracking chapter, on planted tables and KPIs: each outcome has its words."""

from typing import Any

import pandas as pd
import pytest

from mlflow_study.evidence.records import Kpi
from mlflow_study.presentation import tracking as tell


def kpi(id: str, value: Any, n: int, **conditions: Any) -> Kpi:
    return Kpi(id=id, chapitre="02_suivi", libelle="l", valeur=value, unite="proportion", n=n, methode="m", conditions=conditions)  # fmt: skip


def ending(panne: str, contexte: str, statut: str, attendus: str, **changes: Any) -> dict[str, Any]:
    row = {"magasin": "sqlite", "panne": panne, "contexte": contexte, "envoi": "synchrone"}
    row |= {"statut": statut, "attendus": attendus, "perdues": 0, "acquittees": 10, "bloque_s": 0.0}
    return {**row, **changes}


WITH, WITHOUT, BAD = "avec `with`", "sans `with`", "FAILED ou KILLED"
ENDINGS = [
    ending("fin", WITH, "FINISHED", "FINISHED"),
    ending("sys.exit(0)", WITH, "FAILED", "FINISHED"),
    ending("sys.exit(0)", WITHOUT, "FINISHED", "FINISHED"),
    ending("exception", WITH, "FAILED", BAD),
    ending("exception", WITHOUT, "FINISHED", BAD),
    ending("SIGINT", WITHOUT, "FINISHED", BAD),
    ending("SIGKILL", WITH, "RUNNING", BAD),
    ending("SIGKILL", WITHOUT, "RUNNING", BAD),
]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is put on the page as text, in order."""
    lines: list[str] = []

    def note(*words: str) -> None:
        lines.append(" | ".join(words))

    for name in ("finding", "prose", "missing"):
        monkeypatch.setattr(tell.page, name, note)
    monkeypatch.setattr(tell.page, "table", lambda *_, **__: None)
    return lines


def test_a_false_status_is_told_with_the_context_that_leaves_it(told: list[str]) -> None:
    tell.endings(pd.DataFrame([*ENDINGS, *({**e, "envoi": "asynchrone"} for e in ENDINGS)]))
    prose = told[-1].replace("\u00a0", " ")
    assert "faux dans 10 fins sur 16." in prose
    assert "Avec ou sans `with`, un run arrêté par SIGKILL reste RUNNING tant que" in prose
    assert "Sans `with`, un run interrompu par une exception ou SIGINT est dit FINISHED." in prose
    assert "Avec `with`, un run terminé par `sys.exit(0)` est dit FAILED." in prose


def test_a_status_that_is_not_always_false_is_told_so_and_none_false_too() -> None:
    mixed = pd.DataFrame(
        [
            ending("exception", WITHOUT, "FINISHED", BAD),
            ending("exception", WITHOUT, "FAILED", BAD),
        ]
    )
    said = tell._statuses(mixed.assign(vrai=[False, True]))
    assert "est parfois dit FINISHED" in said
    assert "Aucun statut final n’est faux (0 fin sur 2)" in tell._statuses(mixed.assign(vrai=True)).replace("\u00a0", " ")  # fmt: skip


def test_the_bound_on_losses_is_over_the_endings(told: list[str]) -> None:
    lost = {**ENDINGS[-1], "envoi": "asynchrone", "perdues": 4}
    tell.endings(pd.DataFrame([*ENDINGS, lost, {**lost, "magasin": "postgresql", "perdues": 0}]))
    text = told[0].replace("\u00a0", " ")
    assert "0 écriture perdue sur 80, en 8 fins (au plus 31,2 % des fins en perdraient" in text
    assert "4 écritures perdues sur 20, en 2 fins (PostgreSQL, 0 sur 10 ; SQLite, 4 sur 10)" in text


def test_a_history_that_one_store_alone_was_asked_for_is_said_so(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    captions: list[str] = []
    monkeypatch.setattr(tell.page, "table", lambda *_, caption, **__: captions.append(caption))

    def history(store: str, length: int) -> dict[str, Any]:
        return {"magasin": store, "objet": "points", "voie": "get_metric_history", "ecrits": length, "rendus": length, "distincts": length, "avertit": ""}  # fmt: skip

    both = [history("sqlite", 10), history("postgresql", 10)]
    for rows in (both, [*both, history("sqlite", 5000)]):
        table = pd.DataFrame([*rows, {**history("sqlite", 1), "objet": "runs", "voie": "pages"}])
        tell.completeness(table)
    common, alone = (caption.replace("\u00a0", " ").replace("\u202f", " ") for caption in captions)
    assert "n’est relu que" not in common
    assert alone.endswith("L’historique de 5 000 points n’est relu que dans SQLite.")
    assert "rend tous les points jusqu’à 5" in told[-2]


def test_only_faults_that_were_tried_are_in_the_title() -> None:
    tried = pd.DataFrame(
        [
            {"panne": "base tuée, relancée", "acquittees": 9, "perdues": 0},
            {"panne": "6 processus, un run", "acquittees": 9, "perdues": 0},
            {"panne": "disque plein", "acquittees": 0, "perdues": 0},
        ]
    )
    assert tell._other_losses(tried).startswith("Base tuée, foule : aucune écriture")
    assert "disque" not in tell._other_losses(tried)
    losing = tell._other_losses(tried.assign(perdues=[0, 2, 0])).replace("\u00a0", " ")
    assert losing == "2 écritures acquittées sont perdues (base tuée, foule)"


def test_stores_are_named_once_in_the_order_of_the_report() -> None:
    assert tell.stores(["mariadb", "mariadb", "file", "sqlite"]) == "fichiers, SQLite et MariaDB"


def test_powers_are_printed_as_such() -> None:
    assert tell.powers("valeur : entier > 2^53") == "valeur : entier > 2⁵³"


def test_a_missing_store_keeps_its_name_and_its_reason(told: list[str]) -> None:
    tell.untested(
        {"uri": "Aucune adresse n’est donnée.", "postgresql": "PostgreSQL refuse de tourner."}
    )
    assert told == [
        "Votre serveur : aucune adresse n’est donnée.",
        "PostgreSQL : PostgreSQL refuse de tourner.",
    ]


def test_each_property_stands_alone(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    tables: list[pd.DataFrame] = []
    monkeypatch.setattr(tell.page, "table", lambda frame, **_: tables.append(frame))
    row = {"magasin": "sqlite", "propriete": "dernier-nan", "enonce": "la même règle, quand…"}
    tell.semantics(pd.DataFrame([{**row, "n": 6, "contre_exemples": 3, "exemple": "x"}]), None)
    assert tables[0]["Propriété"].iloc[0].startswith("la dernière valeur est le maximum, quand")


class Slot:
    def fill(self, **given: Any) -> dict[str, Any]:
        return given


def brief(*given: Kpi) -> dict[str, str]:
    filled: dict[str, Any] = tell.brief(Slot(), {k.id: k for k in given}, [])
    return {
        name: (text if isinstance(text, str) else " ".join(text)).replace("\u00a0", " ")
        for name, text in filled.items()
    }


SAFE = kpi("suivi.pannes.synchrone.perdues", 0, 64, essais=3, magasins="sqlite")
LOSSY = kpi("suivi.pannes.synchrone.perdues", 2, 64, essais=3, magasins="sqlite")
DOUBLES = kpi("suivi.ordinaire.double", 0, 30, entrees="doubles finis")
NAMES = kpi("suivi.ordinaire.nom", 1, 30, entrees="noms simples")


def classes(silent: float, harmful: float) -> list[Kpi]:
    return [kpi("suivi.allerretour.en-silence.file", silent, 50), kpi("suivi.allerretour.nuisible.file", harmful, 50)]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([SAFE], "aucune des 64 écritures acquittées sous une panne n’est perdue (3 essais, dans SQLite\u202f; au plus 63 % des essais en perdraient, borne à 95 %)."),
        ([LOSSY], "Même en envoi synchrone, 2 écritures acquittées sous une panne sont perdues, sur 64 (3 essais, dans SQLite)."),
        ([SAFE, kpi("suivi.interruption.illisible.file", 3, 40)], "un Ctrl-C peut rendre l’expérience illisible (3 sur 40 écritures"),
        ([], "La tenue aux pannes n’a pas été éprouvée"),
        ([DOUBLES], "Les doubles finis reviennent à l’identique dans chaque magasin éprouvé (0 écart sur 30 cas)."),
        ([DOUBLES, NAMES], "Les noms simples ne reviennent pas toujours à l’identique (1 écart sur 30 cas)."),
        (classes(0.1, 0.1), "sont altérées, et certaines rendent illisible ce qui était déjà là."),
        (classes(0.1, 0.0), "acceptées sans un mot, sont altérées."),
        (classes(0.0, 0.1), "D’autres entrées rendent illisible ce qui était déjà là."),
        (classes(0.0, 0.0), "Aucune entrée tirée n’est altérée en silence ni ne nuit"),
    ],
)  # fmt: skip
def test_the_answer_follows_what_was_measured(given: list[Kpi], words: str) -> None:
    assert words in brief(*given)["answer"]


def test_the_figures_name_their_store_and_their_counts() -> None:
    told = brief(
        kpi("suivi.panne.perdues.sqlite+asynchrone", 0.4, 10, fins=4),
        kpi("suivi.panne.perdues.postgresql+asynchrone", 0.2, 10, fins=4),
        kpi("suivi.sortie.perdues.sqlite+asynchrone", 1 / 7, 7),
        kpi("suivi.allerretour.identique.sqlite", 0.5, 10),
        kpi("suivi.allerretour.identique.file", 0.75, 10),
        kpi("suivi.page.points", 0.064, 5000),
    )["figures"]
    assert "à l’identique : 50 % à 75 % selon le magasin" in told
    assert (
        "pire magasin (SQLite) : 1 sur 7 quand Python finit ses fonctions de sortie, 4 sur 10 en comptant SIGTERM et SIGKILL (4 fins)"
        in told
    )
    assert "dessine le graphique de MLflow : 320 sur 5" in told


def test_a_store_whose_exits_were_not_tried_keeps_its_losses() -> None:
    told = brief(kpi("suivi.panne.perdues.sqlite+asynchrone", 0.4, 10, fins=4))["figures"]
    assert "SQLite : 4 sur 10 en comptant SIGTERM et SIGKILL (4 fins)" in told


def struck(panne: str, acknowledged: int, lost: int = 0, **more: Any) -> dict[str, Any]:
    return {"magasin": "sqlite", "panne": panne, "contexte": "", "envoi": "synchrone", "acquittees": acknowledged, "perdues": lost, "sans_accuse": 0, "doublons": 0, "bloque_s": 0.0, "detail": "", **more}  # fmt: skip


@pytest.mark.parametrize(
    ("lost", "title", "text"),
    [
        (0, "Toutes pannes réunies, aucune écriture acquittée n’est perdue en envoi synchrone (0 sur 12)", "Aucun des 2 essais n’en perd\u202f: au plus 78 %"),
        (1, "Toutes pannes réunies, 1 écriture acquittée est perdue en envoi synchrone (1 sur 12)", "la réponse. Les fins ordinaires"),
        (2, "Toutes pannes réunies, 2 écritures acquittées sont perdues en envoi synchrone (2 sur 12)", "la réponse. Les fins ordinaires"),
    ],
)  # fmt: skip
def test_the_counts_behind_the_answer_are_shown(
    monkeypatch: pytest.MonkeyPatch, told: list[str], lost: int, title: str, text: str
) -> None:
    tables: list[pd.DataFrame] = []
    monkeypatch.setattr(tell.page, "table", lambda frame, **_: tables.append(frame))
    rows = [struck("SIGKILL", 4, lost), struck("disque plein", 8), struck("fin", 20)]
    tell.synchronous_faults(pd.DataFrame(rows))
    assert told[0].replace("\u00a0", " ").startswith(title)
    assert text in told[0].replace("\u00a0", " ")
    expected = [["SIGKILL", 1, 4, lost], ["disque plein", 1, 8, 0], ["toutes", 2, 12, lost]]
    assert tables[0].to_numpy().tolist() == [row if lost else row[:3] for row in expected]


def test_no_fault_no_counts(told: list[str]) -> None:
    tell.synchronous_faults(pd.DataFrame([struck("fin", 20)]))
    assert not told


def test_the_wait_for_a_killed_server_is_explained_where_the_client_paused(told: list[str]) -> None:
    killed = "serveur tué, relancé"
    tell.other_faults(pd.DataFrame([struck(killed, 8, bloque_s=30.9), struck(killed, 8)]))
    assert "jusqu’à 30,9 s. Le client" in told[-1].replace("\u00a0", " ")
    tell.other_faults(pd.DataFrame([struck(killed, 8, bloque_s=0.7)]))
    assert "recommence" not in told[-1]


def test_what_was_not_acknowledged_has_no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    tables: list[pd.DataFrame] = []
    for name in ("finding", "prose"):
        monkeypatch.setattr(tell.page, name, lambda *_: None)
    monkeypatch.setattr(tell.page, "table", lambda frame, **_: tables.append(frame))
    detail = "rien n’est listé, 4194304 octets restent cachés"
    tell.other_faults(pd.DataFrame([struck("artefact coupé (processus tué)", 0, detail=detail)]))
    row = tables[0].iloc[0]
    assert (row["Perdues"], row["Détail"]) == ("–", "<code>rien n’est listé, 4\u00a0Mio restent cachés</code>")  # fmt: skip


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ("rien n’est listé, 0 octets restent cachés", "rien n’est listé, aucun octet ne reste caché"),
        ("rien n’est listé, 1048576 octets restent cachés", "rien n’est listé, 1 Mio reste caché"),
        ("rien n’est listé, 1 octets restent cachés", "rien n’est listé, 1 octet reste caché"),
        ("12345 octets listés sur 16777216", "12 345 octets listés sur 16 Mio"),
        ("0 octets listés sur 16777216", "0 octet listé sur 16 Mio"),
        ("absent", "absent"),
    ],
)  # fmt: skip
def test_sizes_that_were_recorded_in_bytes_are_read_easily(recorded: str, shown: str) -> None:
    assert tell._sized(recorded).replace("\u00a0", " ").replace("\u202f", " ") == shown


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ("…'' puis …' ' (0 signes)", "'' puis ' '"),
        ("…'a' puis …'a ' (1 signes)", "'a' puis 'a '"),
        ("…'xxa' puis …'xxb' (6001 signes)", "…'xxa' puis …'xxb' (6\u202f001 signes)"),
        ("acceptées : ['b', 'a']", "acceptées : ['b', 'a']"),
    ],
)
def test_short_values_are_shown_whole(recorded: str, shown: str) -> None:
    assert tell._example(recorded) == shown


def test_inputs_that_look_alike_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    tables: list[pd.DataFrame] = []
    monkeypatch.setattr(tell.page, "table", lambda frame, **_: tables.append(frame))
    rows = [
        {"numero": number, "magasin": store, "classe": kind, "strate": f"{what} : chemins", "donnee": f"'P{number}' = 'v'"}
        for number, what in enumerate(("paramètre", "étiquette"))
        for store, kind in (("sqlite", "identique"), ("mariadb", "refus clair"))
    ]  # fmt: skip
    tell.side_by_side(pd.DataFrame(rows))
    first = tables[0].iloc[:, 0]
    assert list(first) == [f"{what}\u00a0: chemins<br><code>&#x27;P{n}&#x27; = &#x27;v&#x27;</code>" for n, what in enumerate(("paramètre", "étiquette"))]  # fmt: skip
    assert all(isinstance(cell, tell.Markup) for cell in first)


def seen(what: str, stored: float, shown: float, detail: str = "") -> dict[str, Any]:
    return {"quoi": what, "objet": "x", "stocke": stored, "montre": shown, "egal": stored == shown, "detail": detail}  # fmt: skip


def interval(written: int, returned: int) -> pd.DataFrame:
    return pd.DataFrame([{"objet": "points", "voie": "get-history-bulk-interval", "ecrits": written, "rendus": returned}])  # fmt: skip


@pytest.mark.parametrize(
    ("drawn", "histories", "words"),
    [
        (320, interval(3000, 2500), "rend jusqu’à 2 500 points par run ; la page n’en demande que 320 par courbe."),
        (320, interval(1000, 1000), None),
        (320, None, None),
        (2500, interval(3000, 2500), None),
    ],
)  # fmt: skip
def test_the_endpoint_and_the_chart_are_reconciled(
    told: list[str], drawn: int, histories: pd.DataFrame | None, words: str | None
) -> None:
    table = pd.DataFrame(
        [
            seen("nombre, tableau des runs", 1, 1),
            seen("nombre, détail d’un run", 1, 1),
            seen("points d’un graphique", 5000, drawn, "sans avertissement"),
            seen("pic d’un graphique", 1000, 1),
            seen("runs d’une expérience", 2, 2),
        ]
    )
    tell.shown(table, histories)
    text = told[-1].replace("\u202f", " ").replace("\u00a0", " ")
    assert words in text if words else "point d’accès" not in text


def test_the_worst_class_is_outlined_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Any] = []
    for name in ("finding", "prose", "table"):
        monkeypatch.setattr(tell.page, name, lambda *_, **__: None)
    monkeypatch.setattr(tell.page, "figure", lambda fig, **_: figures.append(fig))
    classes = {"file": list(tell.CLASSES), "sqlite": ["identique"] * 7}
    rows = [{"magasin": s, "classe": c, "strate": "x"} for s, own in classes.items() for c in own]
    tell.roundtrip(pd.DataFrame(rows))
    drawn = [bar for bar in figures[0].axes[0].patches if bar.get_width() > 0]
    assert [bar.get_linewidth() > 0 for bar in drawn].count(True) == 1
    assert not any(bar.get_width() == 0 for bar in figures[0].axes[0].patches)


@pytest.mark.parametrize(
    ("lost", "words"), [(5, "égare 5 runs sur 5"), (0, "active bien l’expérience")]
)
def test_a_run_that_goes_elsewhere_after_set_experiment_is_told(
    told: list[str], lost: int, words: str
) -> None:
    id = "suivi.experience.egares.sqlite"
    tell.misplaced({})
    tell.misplaced({id: kpi(id, lost, 5)})
    assert len(told) == 1
    assert words in told[0].replace("\u00a0", " ")
    assert ("set_experiment" in tell._surprise({id: kpi(id, lost, 5)})) == bool(lost)
