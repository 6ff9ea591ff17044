"""From the observations of this chapter to its KPIs.

Each function takes a table and ``record`` (``Chapter.kpi``).  Rates of what was drawn at
random carry a Wilson interval; shares of what a plan fixes, or of writes that one process
loses together, carry none.  Counts of counter-examples carry the n that they were sought
in; their labels name the defect.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from mlflow_study.evidence.records import BEFORE, Kpi
from mlflow_study.evidence.statistics import wilson
from mlflow_study.store_names import STORES
from mlflow_study.tracking.addresses import judged
from mlflow_study.tracking.faults import SAME_TAG

Record = Callable[..., Kpi]
Frame: TypeAlias = Any
"""A DataFrame; its stubs make each cell a union of forty types, which hides real faults."""

SLUGS = {
    "identique": "identique",
    "altérée avec avis": "avec-avis",
    "altérée en silence": "en-silence",
    "refus clair": "refus-clair",
    "refus trompeur": "refus-trompeur",
    "acceptée, puis illisible": "illisible",
    "nuit à ce qui était stocké": "nuisible",
}
KINDS = {"métrique": "metrique", "paramètre": "parametre", "étiquette": "etiquette"}
DRAINED = ("fin", "exception", "sys.exit(0)", "sys.exit(3)", "SIGINT")
"""Endings after which Python runs its exit hooks."""
CALM = ("fin", "sys.exit(0)", "horloge qui recule", "aucune réponse à perdre")
"""Rows of the table of faults in which nothing fails; so are those of crowds."""


ORDINARY = {
    "valeur : double fini": ("double", "doubles finis tirés au hasard"),
    "valeur : entier ≤ 2^53": ("entier", "entiers de Python jusqu’à 2⁵³"),
    "valeur : booléen": ("booleen", "booléens"),
    "nom : simple": ("nom", "noms simples"),
    "pas : entier de 64 bits": ("pas", "pas entiers de Python"),
}
"""``generators.ORDINARY``, what a plain program writes: stratum → slug and French words."""


def label(store: str) -> str:
    """French name of a backend."""
    return STORES.get(store, store)


def _rate(record: Record, id: str, libelle: str, hits: int, n: int, methode: str) -> None:
    record(id, libelle, hits / n, "proportion", methode=methode, intervalle=wilson(hits, n), n=n)


def _share(
    record: Record, id: str, libelle: str, hits: int, n: int, methode: str, **conditions: int
) -> None:
    record(id, libelle, hits / n, "proportion", methode=methode, n=n, conditions=conditions)


def _count(record: Record, id: str, libelle: str, hits: int, n: int, methode: str) -> None:
    record(id, libelle, int(hits), "contre-exemples", methode=methode, n=int(n))


def _unknown(record: Record, id: str, libelle: str, methode: str) -> None:
    """A count that recorded evidence of before does not hold."""
    record(id, libelle, None, "contre-exemples", methode=methode, n=None, conditions={"motif": BEFORE})  # fmt: skip


def roundtrip(record: Record, table: Frame) -> None:
    """Share of each class per backend, and per kind of datum; counts behind T1–T3, T6, T19–T21."""
    method = "échantillonnage stratifié, même nombre de cas par strate"
    for store, cases in table.groupby("magasin"):
        for name, slug in SLUGS.items():
            hits = int((cases.classe == name).sum())
            _rate(record, f"suivi.allerretour.{slug}.{store}", f"aller-retour, {name}, {label(store)}", hits, len(cases), method)  # fmt: skip
            for kind, kind_slug in KINDS.items():
                some = cases[cases.genre == kind]
                hits = int((some.classe == name).sum())
                _rate(record, f"suivi.{kind_slug}.{slug}.{store}", f"{kind}, {name}, {label(store)}", hits, len(some), method)  # fmt: skip
        _claims(record, str(store), cases)
        ordinary = cases[cases.strate.isin(ORDINARY)]
        _count(record, f"suivi.ordinaires.alterees.{store}", f"entrées ordinaires non rendues à l’identique, {label(store)}", int((ordinary.classe != "identique").sum()), len(ordinary), "aller-retour des cas tirés")  # fmt: skip
    for stratum, (slug, words) in ORDINARY.items():
        cases = table[table.strate == stratum]
        wrong = int((cases.classe != "identique").sum())
        record(f"suivi.ordinaire.{slug}", f"entrées ordinaires non rendues à l’identique, {words}", wrong, "contre-exemples", methode="aller-retour des cas tirés, tous magasins", n=len(cases), conditions={"entrees": words})  # fmt: skip


def _claims(record: Record, store: str, cases: Frame) -> None:
    name = label(store)

    def bad(id: str, libelle: str, strata: list[str], allowed: tuple[str, ...]) -> None:
        some = cases[cases.strate.isin(strata)]
        hits = int((~some.classe.isin(allowed)).sum())
        _count(record, f"suivi.{id}.{store}", f"{libelle}, {name}", hits, len(some), "aller-retour des cas tirés")  # fmt: skip

    same = ("identique",)
    if store != "file":
        infinite = cases[cases.strate == "valeur : ±∞"]
        hits = int((infinite.classe == "altérée avec avis").sum())
        record(f"suivi.infini.remplace.{store}", f"±∞ remplacé, {name}", hits, "cas", n=len(infinite), methode="aller-retour des cas tirés")  # fmt: skip
    bad("nan.alteres", "NaN altérés", ["valeur : NaN"], same)
    bad("double.alteres", "doubles altérés", ["valeur : double fini", "valeur : double extrême"], same)  # fmt: skip
    bad("pas.alteres", "pas entiers altérés ou refusés", ["pas : entier de 64 bits", "historique : ordre, doublons"], same)  # fmt: skip
    clear = ("identique", "altérée avec avis", "refus clair")
    texts = ["paramètre : texte", "paramètre : autre type", "étiquette : texte", "étiquette : autre type"]  # fmt: skip
    bad("texte.alteres", "textes altérés sans avis", texts, (*clear, "refus trompeur"))
    bad("texte.mal-refuses", "textes refusés sans un message clair", texts, tuple(SLUGS.keys() - {"refus trompeur"}))  # fmt: skip
    bad("jeu.perdu", "jeux de données attachés perdus ou nuisibles", ["jeu de données attaché"], clear)  # fmt: skip
    bad("modele.perdu", "métriques de modèle perdues", ["modèle attaché"], same)
    bad("modele-nan.altere", "NaN d’un modèle rendus autrement", ["modèle attaché : NaN"], same)
    bad("entier.arrondi", "grands entiers arrondis en silence", ["valeur : entier > 2^53"], clear)  # fmt: skip


_SHORT = {
    "dernier": "dernière valeur fausse",
    "dernier-nan": "dernière valeur fausse à égalité avec un NaN",
    "dernier-ordre": "dernière valeur qui dépend de l’ordre d’écriture",
    "dernier-numpy": "dernière valeur fausse sous un pas de NumPy",
    "ordre": "historique hors de l’ordre du temps",
    "ecriture": "historique hors de l’ordre d’écriture",
    "doublons": "doublons gardés",
    "complet": "points distincts perdus",
    "complet-infini": "points infinis confondus avec le plus grand double",
    "param-unique": "paramètres changés",
    "param-refus": "seconde valeur de paramètre acceptée",
    "param-course": "deux valeurs d’un paramètre acceptées ensemble",
    "param-repete": "même valeur de paramètre refusée",
    "nom-annonce": "noms de l’alphabet annoncé refusés",
    "nom-hors": "noms hors de l’alphabet annoncé acceptés",
    "modele-nan": "modèles classés devant un nombre, leur métrique valant NaN",
    "experience-course": "runs allés dans une autre expérience que celle de set_experiment",
}
_PROPERTIES = {
    "dernier": "dernier.faux",
    "dernier-nan": "dernier-nan.faux",
    "dernier-ordre": "dernier-ordre.faux",
    "dernier-numpy": "pas-numpy.faux",
    "ordre": "ordre-temps.faux",
    "ecriture": "ordre-ecriture.faux",
    "doublons": "doublons.gardes",
    "complet": "historique.perdus",
    "complet-infini": "historique.infini-confondu",
    "param-unique": "parametre.changes",
    "param-refus": "parametre.second-accepte",
    "param-course": "parametre.course",
    "param-repete": "parametre.repetition-refusee",
    "nom-annonce": "noms.annonces-refuses",
    "nom-hors": "noms.hors-acceptes",
    "modele-nan": "modele-nan.premier",
    "experience-course": "experience.egares",
}


_CHOSEN = {
    "complet-infini": "paires choisies, signe, ordre et voie tirés",
    "experience-course": "l’autre processus est joué : il crée l’expérience entre la recherche et la création",
}
"""Method of the properties whose trials are chosen; evidence of before holds none of them."""


def semantics(record: Record, table: Frame) -> None:
    """Counter-examples to each property, per backend."""
    for row in table.itertuples():
        _count(record, f"suivi.{_PROPERTIES[row.propriete]}.{row.magasin}", f"{_SHORT[row.propriete]}, {label(row.magasin)}", row.contre_exemples, row.n, _CHOSEN.get(row.propriete, "essais tirés au hasard, graine fixée"))  # fmt: skip
    for property in _CHOSEN.keys() - set(table.propriete):
        for store in table.magasin.unique():
            _unknown(record, f"suivi.{_PROPERTIES[property]}.{store}", f"{_SHORT[property]}, {label(store)}", _CHOSEN[property])  # fmt: skip


def filters(record: Record, table: Frame) -> None:
    """Filters and orders that select or sort otherwise than the oracle, or are refused."""
    for (store, kind), some in table.groupby(["magasin", "genre"]):
        subject, odd = ("filtres", "qui choisissent d’autres runs que l’oracle") if kind == "filtre" else ("ordres", "autres que celui de l’oracle")  # fmt: skip
        for outcome, slug, words in (("écart", "faux", odd), ("refus", "refuses", "refusés")):
            hits = int((some.issue == outcome).sum())
            _count(record, f"suivi.{subject}.{slug}.{store}", f"{subject} {words}, {label(store)}", hits, len(some), "expressions tirées, comparées à un oracle pandas")  # fmt: skip
        hits = int(some.issue.isin(["écart", "refus"]).sum())
        _count(record, f"suivi.{subject}.ecarts.{store}", f"{subject} faux ou refusés, {label(store)}", hits, len(some), "expressions tirées, comparées à un oracle pandas")  # fmt: skip


def completeness(record: Record, table: Frame) -> None:
    """Points and runs missing or repeated, per read path."""
    for (store, path), some in table[table.objet == "points"].groupby(["magasin", "voie"]):
        lost = int((some.ecrits - some.distincts).sum())
        id = "historique.manquants" if path == "get_metric_history" else f"{path}.manquants"
        _count(record, f"suivi.{id}.{store}", f"points que {path} ne rend pas, {label(store)}", lost, int(some.ecrits.sum()), "historiques écrits, relus et comptés")  # fmt: skip
    runs = table[(table.objet == "runs") & (table.voie != "une page")]
    for store, some in runs.groupby("magasin"):
        busy = some.voie.str.contains("créé entre")
        for chosen, slug, words in ((some[~busy], "", "au repos"), (some[busy], "+ecriture", "pendant une écriture")):  # fmt: skip
            wrong = int((chosen.ecrits - chosen.distincts + chosen.rendus - chosen.distincts).sum())
            _count(record, f"suivi.pages.faux.{store}{slug}", f"runs manquants ou répétés dans des pages lues {words}, {label(store)}", wrong, int(chosen.ecrits.sum()), "pages de search_runs")  # fmt: skip


def listings(record: Record, table: Frame) -> None:
    """Experiments, models, versions and traces that are missing, repeated or out of order."""
    busy = table.voie.str.contains("créé entre")
    for store in table.magasin.unique():
        for chosen, slug, words in ((~busy, "", "au repos"), (busy, "+ecriture", "pendant une écriture")):  # fmt: skip
            some = table[(table.magasin == store) & chosen]
            wrong = int((some.ecrits - some.distincts + some.rendus - some.distincts).sum())
            wrong += int((~some.ordonnes.astype(bool)).sum())
            _count(record, f"suivi.listes.faux.{store}{slug}", f"objets manquants, répétés ou mal rangés dans des pages lues {words}, {label(store)}", wrong, int(some.ecrits.sum()), "pages de search_experiments, search_registered_models, search_model_versions, search_traces")  # fmt: skip


def addresses(record: Record, table: Frame) -> None:
    """Calls of a client that reach, or suffer from, another store than its own."""
    method = "mêmes appels, l’adresse du processus étant celle du client, puis une autre"
    for store, calls in judged(table).groupby("magasin"):
        for issues, slug, words in (
            (("ailleurs",), "ailleurs", "appels dont les données vont dans un autre magasin"),
            (("ailleurs", "refus", "autre"), "ecarts", "appels qui écrivent ailleurs, sont refusés ou répondent autrement quand l’adresse du processus est une autre"),
        ):  # fmt: skip
            _count(record, f"suivi.adresse.{slug}.{store}", f"{words}, {label(str(store))}", int(calls.issue.isin(issues).sum()), len(calls), method)  # fmt: skip


def atomicity(record: Record, table: Frame) -> None:
    """Batches with one bad item: partly kept, and kept in part without an error."""
    for store, some in table.groupby("magasin"):
        refused = some[some.refuse]
        partial = int(refused.issue.str.startswith("une partie").sum())
        if len(refused):
            _share(record, f"suivi.lots.partiels.{store}", f"lots refusés dont une partie reste, {label(store)}", partial, len(refused), "un fautif à chaque place, chaque taille")  # fmt: skip
        lacking = (some.gardes < some.bons) | ~some.fautif_garde.astype(bool)
        told = some.get("avis", some.refuse & False).astype(bool)
        silent = int((~some.refuse & lacking & ~told).sum())
        _count(record, f"suivi.lots.silencieux.{store}", f"lots incomplets sans erreur ni avis, {label(store)}", silent, int((some.refuse | lacking).sum()), "un fautif à chaque place, chaque taille ; lots dont le fautif n’en est pas un pour ce magasin laissés de côté")  # fmt: skip


def autologging(record: Record, tables: dict[str, Frame]) -> None:
    """Parameters, training score and later metrics that autologging recorded as they are."""
    table, after = tables["autolog"], tables["apres"]

    def found(id: str, libelle: str, hits: int, n: int) -> None:
        record(f"suivi.autolog.{id}", libelle, int(hits), "enregistrés", n=int(n), methode="un ajustement par estimateur, relu")  # fmt: skip

    found("parametres", "paramètres de get_params", table.exacts.sum(), table.attendus.sum())
    found("score", "score d’apprentissage", table.score_exact.sum(), len(table))
    direct = after[~after.limite_annoncee.astype(bool)]
    found("apres", "métriques d’après apprentissage", direct.juste.sum(), len(direct))
    found("jeu", "jeu de données", table.jeu.sum(), len(table))
    searched = table[table.combinaisons > 0]
    found("combinaisons", "combinaisons d’une recherche", searched.enfants.sum(), searched.combinaisons.sum())  # fmt: skip


def faults(record: Record, table: Frame) -> None:
    """Acknowledged and lost, stored and unacknowledged, duplicated, wrong status, blocked."""
    here = table[~table.magasin.str.startswith("http+")]
    tried = here[~here.detail.str.startswith("non éprouvé")]
    method = "journal des acquittements comparé au magasin après la panne"
    _synchronous(record, table, method)
    ends = tried[tried.contexte.str.contains("with") & (tried.panne != "disque plein")]
    for (store, sync), some in ends.groupby(["magasin", "envoi"]):
        slug = "synchrone" if sync == "synchrone" else "asynchrone"
        taken = "acquittées" if sync == "synchrone" else "mises en file"
        acknowledged = int(some.acquittees.sum())
        if acknowledged:
            lost = int(some.perdues.sum())
            _share(record, f"suivi.panne.perdues.{store}+{slug}", f"écritures {taken} puis perdues, toutes fins, envoi {sync}, {label(store)}", lost, acknowledged, method, fins=len(some))  # fmt: skip
        drained = some[some.panne.isin(DRAINED)]
        if sync == "asynchrone" and drained.acquittees.sum():
            _share(record, f"suivi.sortie.perdues.{store}+asynchrone", f"écritures mises en file puis perdues quand Python finit ses fonctions de sortie, {label(store)}", int(drained.perdues.sum()), int(drained.acquittees.sum()), method, fins=len(drained))  # fmt: skip
        for context, own in drained.groupby("contexte"):
            closing = "avec" if context.startswith("avec") else "sans"
            _count(record, f"suivi.{slug}.perdues.{store}+{closing}", f"écritures {sync}s {taken} puis perdues quand Python finit ses fonctions de sortie, {context}, {label(store)}", int(own.perdues.sum()), int(own.acquittees.sum()), method)  # fmt: skip
    for (store, context), some in tried[tried.panne.isin(DRAINED[1:2])].groupby(["magasin", "contexte"]):  # fmt: skip
        slug = "avec" if context.startswith("avec") else "sans"
        wrong = sum(_wrong(row) for row in some.itertuples())
        _count(record, f"suivi.exception.statut-faux.{store}+{slug}", f"runs interrompus par une exception et non FAILED, {context}, {label(store)}", wrong, len(some), method)  # fmt: skip
    for store, some in ends[ends.statut != ""].groupby("magasin"):
        wrong = sum(_wrong(row) for row in some.itertuples())
        _share(record, f"suivi.panne.statut-faux.{store}", f"statuts finals faux, toutes fins, {label(store)}", wrong, len(some), method)  # fmt: skip
    for store, some in tried.groupby("magasin"):
        _count(record, f"suivi.panne.doublons.{store}", f"doublons après une panne de l’écrivain, {label(store)}", int(some.doublons.sum()), int(some.demandees.sum()), method)  # fmt: skip
        unasked = int(some.sans_accuse.sum())
        _share(record, f"suivi.panne.sans-accuse.{store}", f"écritures gardées sans accusé, {label(store)}", min(unasked, int(some.demandees.sum())), int(some.demandees.sum()), method)  # fmt: skip
        tags = some[some.panne.str.contains(SAME_TAG)]
        crowd = some[some.panne.str.contains("processus,") & ~some.panne.str.contains(SAME_TAG)]
        if len(tags):
            _count(record, f"suivi.concurrence.etiquette.{store}", f"écritures simultanées d’une même étiquette neuve refusées ou perdues, {label(store)}", int((tags.demandees - tags.acquittees + tags.perdues).sum()), int(tags.demandees.sum()), method)  # fmt: skip
        elif len(crowd):
            _unknown(record, f"suivi.concurrence.etiquette.{store}", f"écritures simultanées d’une même étiquette neuve refusées ou perdues, {label(store)}", method)  # fmt: skip
        if len(crowd):
            missing = int((crowd.demandees - crowd.acquittees + crowd.perdues).sum())
            _count(record, f"suivi.concurrence.refus.{store}", f"écritures simultanées refusées ou perdues, {label(store)}", missing, int(crowd.demandees.sum()), method)  # fmt: skip
            record(f"suivi.concurrence.attente.{store}", f"plus longue attente d’une écriture simultanée, {label(store)}", float(crowd.bloque_s.max()), "s", n=int(crowd.demandees.sum()), methode="plus long appel au-delà d’une demi-seconde, 0 sinon")  # fmt: skip


def under_fault(table: Frame) -> Frame:
    """Trials under a fault, servers' included, where the call waits and something was acknowledged."""
    calm = table.panne.isin(CALM) | table.panne.str.contains("processus,")
    return table[(table.envoi == "synchrone") & (table.acquittees > 0) & ~calm]


def _synchronous(record: Record, table: Frame, method: str) -> None:
    some = under_fault(table)
    record("suivi.pannes.synchrone.perdues", "écritures synchrones acquittées sous une panne puis perdues", int(some.perdues.sum()), "écritures", methode=method, n=int(some.acquittees.sum()), conditions={"essais": len(some), "magasins": ", ".join(sorted(set(some.magasin)))})  # fmt: skip


def _wrong(row: Any) -> bool:
    return row.statut not in row.attendus.split(" ou ")


def server_faults(record: Record, table: Frame) -> None:
    """Lost replies, slow and killed servers, cut uploads."""
    method = "mandataire sur la boucle locale, serveur réel, magasin relu"
    for call, some in table[table.panne == "réponse perdue"].groupby("contexte"):
        wrong = int(((some.doublons > 0) | (some.sans_accuse > 0)).sum())
        _count(record, f"suivi.reponse-perdue.operation.{call}", f"opérations faites deux fois ou dites manquées à tort, {call}", wrong, len(some), method)  # fmt: skip
    for store, some in table[table.magasin.str.startswith("http+")].groupby("magasin"):
        lost = some[some.panne == "réponse perdue"]
        if len(lost):
            twice = lost[lost.doublons > 0]
            silent = " en silence" if len(twice) and (twice.detail == "").all() else ""
            for column, slug, words in (("doublons", "doublons", f"faites deux fois{silent}"), ("sans_accuse", "fausses-erreurs", "faites et pourtant annoncées manquées"), ("perdues", "perdues", "acquittées puis perdues")):  # fmt: skip
                _count(record, f"suivi.reponse-perdue.{slug}.{store}", f"opérations {words} après une réponse perdue, {label(store)}", int((lost[column] > 0).sum()), len(lost), method)  # fmt: skip
        for fault, slug in (("serveur lent", "lent"), ("serveur tué, relancé", "tue")):
            struck = some[some.panne == fault]
            if len(struck):
                _count(record, f"suivi.serveur-{slug}.perdues.{store}", f"écritures acquittées puis perdues ou doublées, {fault}, {label(store)}", int((struck.perdues + struck.doublons).sum()), int(struck.acquittees.sum()), method)  # fmt: skip
                record(f"suivi.serveur-{slug}.attente.{store}", f"{fault} : plus longue attente d’un appel, {label(store)}", float(struck.bloque_s.max()), "s", n=len(struck), methode=method)  # fmt: skip


def interruptions(record: Record, table: Frame) -> None:
    """Databases left locked, runs that cannot be ended, experiments that cannot be read."""
    method = "moments tirés par strates, la moitié en appels de fonction, la moitié en durée"
    for store, some in table.groupby("magasin"):
        n = len(some)
        broken = int((some.statut == "illisible").sum())
        _count(record, f"suivi.interruption.illisible.{store}", f"écritures interrompues après quoi l’expérience est illisible, {label(store)}", broken, n, method)  # fmt: skip
        if store == "file":
            continue
        _rate(record, f"suivi.interruption.verrou.{store}", f"écritures interrompues qui laissent la base retenue, {label(store)}", int(some.verrou.sum()), n, method)  # fmt: skip
        _count(record, f"suivi.interruption.fin-refusee.{store}", f"écritures interrompues après quoi le run ne peut être terminé, {label(store)}", int((some.refus != "").sum()), n, method)  # fmt: skip


def page_shown(record: Record, not_measured: Record, table: Frame) -> None:
    """Numbers and points of MLflow's page that are not those stored."""
    method = "navigateur sans écran sur un serveur réel"
    subjects = {
        "nombre, tableau des runs": ("tableau", "nombres faux dans le tableau des runs"),
        "nombre, détail d’un run": ("details", "nombres faux dans le détail d’un run"),
        "nombre, étiquette d’un graphique": ("etiquettes", "nombres faux sur un graphique"),
        "pic d’un graphique": ("pic", "pics isolés absents du graphique"),
        "runs d’une expérience": ("empoisonnee", "expériences illisibles après un pas NumPy"),
    }
    for words, (slug, libelle) in subjects.items():
        some = table[table.quoi == words]
        if some.empty:
            reason = next(iter(table[table.quoi == "non éprouvée"].detail), "page non ouverte")
            not_measured(f"suivi.page.{slug}", libelle, "contre-exemples", methode=method, motif=reason)  # fmt: skip
        else:
            _count(record, f"suivi.page.{slug}", libelle, int((~some.egal.astype(bool)).sum()), len(some), method)  # fmt: skip
    drawn = table[table.quoi == "points d’un graphique"]
    for row in drawn.itertuples():
        _share(record, "suivi.page.points", "part des points dessinés par le graphique", int(row.montre or 0), int(row.stocke), method)  # fmt: skip
