"""From planted observations to the KPIs that the claims are judged by."""

from typing import Any

import pandas as pd
import pytest

from mlflow_study.tracking import faults, kpis


def recorded(table: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {}
    kpis.faults(lambda id, libelle, valeur, unite, **more: found.update({id: (valeur, more["n"])}), table)  # fmt: skip
    return found


def test_only_crowds_count_as_simultaneous_writes() -> None:
    rows = [
        faults._row(magasin="sqlite", panne="4 processus, un run", demandees=80, acquittees=80),
        faults._row(magasin="sqlite", panne="artefact coupé (processus tué)", demandees=1),
    ]
    found = recorded(pd.DataFrame(rows))
    assert found["suivi.concurrence.refus.sqlite"] == (0, 80)
    assert found["suivi.concurrence.etiquette.sqlite"] == (None, None)
    same = faults._row(magasin="sqlite", panne=f"4 {faults.SAME_TAG}", demandees=80, acquittees=30)
    found = recorded(pd.DataFrame([*rows, same]))
    assert found["suivi.concurrence.refus.sqlite"] == (0, 80)
    assert found["suivi.concurrence.etiquette.sqlite"] == (50, 80)


def test_a_lost_acknowledged_write_and_a_false_status_are_counted() -> None:
    common = {"magasin": "sqlite", "panne": "exception", "envoi": "asynchrone"}
    rows = [
        faults._row(**common, contexte="sans `with`", demandees=9, acquittees=9, perdues=2, statut="FINISHED", attendus="FAILED ou KILLED"),
        faults._row(**common, contexte="avec `with`", demandees=9, acquittees=9, statut="FAILED", attendus="FAILED ou KILLED"),
    ]  # fmt: skip
    found = recorded(pd.DataFrame(rows))
    assert found["suivi.asynchrone.perdues.sqlite+sans"] == (2, 9)
    assert found["suivi.asynchrone.perdues.sqlite+avec"] == (0, 9)
    assert found["suivi.sortie.perdues.sqlite+asynchrone"] == (2 / 18, 18)
    assert found["suivi.exception.statut-faux.sqlite+sans"] == (1, 1)
    assert found["suivi.exception.statut-faux.sqlite+avec"] == (0, 1)


def test_an_ending_without_exit_hooks_is_no_loss_at_exit() -> None:
    killed = faults._row(magasin="sqlite", panne="SIGKILL", envoi="asynchrone", contexte="avec `with`", demandees=9, acquittees=9, perdues=9)  # fmt: skip
    found = recorded(pd.DataFrame([killed]))
    assert found["suivi.panne.perdues.sqlite+asynchrone"] == (1, 9)
    assert "suivi.sortie.perdues.sqlite+asynchrone" not in found


@pytest.mark.parametrize(
    ("errors", "words"),
    [(("", ""), "faites deux fois en silence"), (("", "déjà là"), "faites deux fois"), ((), "faites deux fois")],
)  # fmt: skip
def test_work_done_twice_is_silent_where_no_error_is_told(
    errors: tuple[str, ...], words: str
) -> None:
    lost = {"magasin": "http+sqlite", "panne": "réponse perdue", "envoi": "synchrone"}
    rows = [faults._row(**lost, contexte="create_run", doublons=1, detail=error) for error in errors]  # fmt: skip
    rows.append(faults._row(**lost, contexte="set_tag"))
    labels: dict[str, str] = {}
    kpis.server_faults(lambda id, libelle, *_, **__: labels.update({id: libelle}), pd.DataFrame(rows))  # fmt: skip
    told = labels["suivi.reponse-perdue.doublons.http+sqlite"]
    assert told == f"opérations {words} après une réponse perdue, serveur + SQLite"


def test_false_answers_and_refusals_are_told_apart() -> None:
    outcomes = ["exact"] * 3 + ["écart"] * 2 + ["refus"]
    rows = [{"magasin": "sqlite", "genre": "filtre", "issue": issue} for issue in outcomes]
    rows += [{"magasin": "file", "genre": "filtre", "issue": "exact"}]
    found: dict[str, Any] = {}
    kpis.filters(lambda id, libelle, valeur, unite, **more: found.update({id: (libelle, valeur, more["n"])}), pd.DataFrame(rows))  # fmt: skip
    assert found["suivi.filtres.ecarts.sqlite"] == ("filtres faux ou refusés, SQLite", 3, 6)
    assert found["suivi.filtres.ecarts.file"][0] == "filtres faux ou refusés, fichiers"
    assert found["suivi.filtres.faux.sqlite"][1:] == (2, 6)
    assert found["suivi.filtres.refuses.sqlite"][1:] == (1, 6)


def test_a_batch_whose_bad_item_is_none_for_the_store_is_no_trial() -> None:
    common = {"magasin": "file", "bons": 10, "gardes": 10, "issue": "tout sans erreur"}
    rows = [
        {**common, "refuse": False, "fautif_garde": True},
        {**common, "refuse": False, "fautif_garde": False},
        {**common, "refuse": True, "fautif_garde": False, "issue": "tout et une erreur"},
        {**common, "refuse": False, "fautif_garde": True, "gardes": 9},
    ]
    found: dict[str, Any] = {}
    kpis.atomicity(lambda id, libelle, valeur, unite, **more: found.update({id: (valeur, more["n"])}), pd.DataFrame(rows))  # fmt: skip
    assert found["suivi.lots.silencieux.file"] == (2, 3)
    rows = [{**row, "avis": row["gardes"] == 9} for row in rows]
    kpis.atomicity(lambda id, libelle, valeur, unite, **more: found.update({id: (valeur, more["n"])}), pd.DataFrame(rows))  # fmt: skip
    assert found["suivi.lots.silencieux.file"] == (1, 3)


def test_a_listing_that_repeats_loses_or_disorders_is_counted() -> None:
    quiet = {
        "magasin": "sqlite",
        "objet": "traces",
        "voie": "pages de 7",
        "ecrits": 10,
        "avertit": "",
    }
    rows = [
        {**quiet, "rendus": 10, "distincts": 10, "ordonnes": True},
        {**quiet, "rendus": 11, "distincts": 9, "ordonnes": False},
        {**quiet, "voie": "pages de 7, un objet créé entre deux", "rendus": 11, "distincts": 10, "ordonnes": True},
    ]  # fmt: skip
    found: dict[str, Any] = {}
    kpis.listings(lambda id, libelle, valeur, unite, **more: found.update({id: (valeur, more["n"])}), pd.DataFrame(rows))  # fmt: skip
    assert found["suivi.listes.faux.sqlite"] == (4, 20)
    assert found["suivi.listes.faux.sqlite+ecriture"] == (1, 10)


def test_synchronous_losses_are_pooled_and_the_full_disk_is_no_ending() -> None:
    common = {"magasin": "sqlite", "envoi": "synchrone", "contexte": "avec `with`"}
    rows = [
        faults._row(**common, panne="SIGKILL", demandees=9, acquittees=9, statut="RUNNING", attendus="FAILED ou KILLED"),
        faults._row(**common, panne="disque plein", demandees=50, acquittees=50, statut="FAILED", attendus="FAILED ou KILLED"),
        faults._row(magasin="http+sqlite", envoi="synchrone", panne="serveur lent", demandees=5, acquittees=5, perdues=1),
        faults._row(magasin="sqlite", envoi="synchrone", panne="artefact coupé (processus tué)", demandees=1),
    ]  # fmt: skip
    calm = [
        faults._row(magasin="sqlite", envoi="synchrone", panne=panne, demandees=7, acquittees=7, perdues=1)
        for panne in ("fin", "sys.exit(0)", "4 processus, un run", "horloge qui recule", "aucune réponse à perdre")
    ]  # fmt: skip
    rows += calm
    found: dict[str, Any] = {}
    kpis.faults(lambda id, libelle, valeur, unite, **more: found.update({id: (valeur, more)}), pd.DataFrame(rows))  # fmt: skip
    pooled, more = found["suivi.pannes.synchrone.perdues"]
    assert (pooled, more["n"], more["conditions"]) == (
        1,
        64,
        {"essais": 3, "magasins": "http+sqlite, sqlite"},
    )
    share, more = found["suivi.panne.perdues.sqlite+synchrone"]
    assert (share, more["n"], more["conditions"]) == (0, 9, {"fins": 1})
    assert "intervalle" not in more
    share, more = found["suivi.panne.statut-faux.sqlite"]
    assert (share, more["n"]) == (1, 1)
    assert "intervalle" not in more


def test_ordinary_inputs_are_counted_over_all_stores() -> None:
    rows = (
        [
            {"magasin": store, "genre": "métrique", "strate": stratum, "classe": kind}
            for store in ("file", "sqlite")
            for stratum, kind in (
                ("nom : simple", "identique"),
                ("valeur : booléen", "refus clair"),
            )
        ]
        + [
            {"magasin": store, "genre": genre, "strate": "autre", "classe": "identique"}
            for store in ("file", "sqlite")
            for genre in ("paramètre", "étiquette")
        ]
        + [
            {"magasin": "file", "genre": "paramètre", "strate": "paramètre : texte", "classe": kind}
            for kind in ("altérée en silence", "refus trompeur", "refus trompeur", "identique")
        ]
    )
    found: dict[str, Any] = {}
    kpis.roundtrip(lambda id, libelle, valeur, unite, **more: found.update({id: (valeur, more["n"])}), pd.DataFrame(rows))  # fmt: skip
    assert found["suivi.ordinaire.nom"] == (0, 2)
    assert found["suivi.ordinaire.booleen"] == (2, 2)
    assert found["suivi.ordinaire.double"] == (0, 0)
    assert found["suivi.ordinaires.alterees.sqlite"] == (1, 2)
    assert found["suivi.texte.alteres.file"] == (1, 4)
    assert found["suivi.texte.mal-refuses.file"] == (2, 4)


def test_a_property_that_old_evidence_does_not_hold_is_not_measured() -> None:
    row = {"magasin": "sqlite", "propriete": "dernier", "n": 9, "contre_exemples": 0}
    found: dict[str, Any] = {}
    kpis.semantics(lambda id, libelle, valeur, unite, **more: found.update({id: (valeur, more)}), pd.DataFrame([row]))  # fmt: skip
    assert found["suivi.dernier.faux.sqlite"][0] == 0
    valeur, more = found["suivi.experience.egares.sqlite"]
    assert valeur is None
    assert more["conditions"]["motif"] == "preuves d’avant cette mesure"


def test_lost_replies_are_counted_by_operation_over_all_servers() -> None:
    rows = [
        faults._row(magasin=store, panne="réponse perdue", contexte=call, demandees=1, **more)
        for store in ("http+postgresql", "http+sqlite")
        for call, more in (("create_run", {"doublons": 1}), ("set_tag", {}), ("create_experiment", {"sans_accuse": 1}))
    ]  # fmt: skip
    found: dict[str, Any] = {}
    kpis.server_faults(lambda id, libelle, valeur, unite, **more: found.update({id: (valeur, more["n"])}), pd.DataFrame(rows))  # fmt: skip
    assert found["suivi.reponse-perdue.operation.create_run"] == (2, 2)
    assert found["suivi.reponse-perdue.operation.create_experiment"] == (2, 2)
    assert found["suivi.reponse-perdue.operation.set_tag"] == (0, 2)


def test_an_obscure_refusal_of_a_text_is_no_silent_alteration() -> None:
    kinds = ("identique", "refus clair", "refus trompeur", "altérée en silence", "nuit à ce qui était stocké")  # fmt: skip
    rows = [{"magasin": "sqlite", "genre": "paramètre", "strate": "paramètre : texte", "classe": kind} for kind in kinds]  # fmt: skip
    rows += [{"magasin": "sqlite", "genre": genre, "strate": "autre", "classe": "identique"} for genre in ("métrique", "étiquette")]  # fmt: skip
    found: dict[str, Any] = {}
    kpis.roundtrip(lambda id, libelle, valeur, unite, **more: found.update({id: (valeur, more["n"])}), pd.DataFrame(rows))  # fmt: skip
    assert found["suivi.texte.alteres.sqlite"] == (2, 5)
    assert found["suivi.texte.mal-refuses.sqlite"] == (1, 5)
