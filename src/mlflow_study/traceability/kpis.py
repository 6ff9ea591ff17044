"""From observations to the KPIs of the chapter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mlflow_study.chapter import Chapter
from mlflow_study.evidence.records import BEFORE
from mlflow_study.evidence.statistics import median_ratio, quantile, wilson
from mlflow_study.programs import SUBJECTS
from mlflow_study.store_names import STORES
from mlflow_study.traceability.grades import GRADES
from mlflow_study.traceability.parameters import Tracabilite
from mlflow_study.traceability.transparency import FIELDS

SEED = 4
FILES = (
    "artefact-remplace",
    "artefact-edite",
    "artefact-efface",
    "modele-edite",
    "modele-tronque",
    "modele-efface",
)
VERSION_CHANGES = ("version-description", "version-etiquette", "alias", "alias-supprime", "stade")
EXPERIMENT_CHANGES = ("experience-nom", "experience-etiquette")
BEHIND = (
    *("artefact-edite", "artefact-efface", "modele-edite", "modele-tronque", "modele-efface"),
    *("base-parametre", "base-metrique", "base-date"),
)
"""Changes made on the disk or in the database: MLflow's API cannot know of them."""
_KINDS = {"etiquette": "étiquette"}
_PER_QUESTION = "questions fixes, une réponse par question lue dans l’API au mot"
FOLLOWED = (
    "changements faits par MLflow dont l’ancienne valeur, la date et l’auteur se lisent par l’API"
)
LOST = "événements promis que les webhooks n’ont pas annoncés"
LATE = (
    "événements promis que n’annonce pas un webhook tout juste posé sur un serveur qui a déjà servi"
)
UNDUE = "événements annoncés à un webhook déjà supprimé"


def slug(text: str) -> str:
    """``text`` as a part of a KPI id."""
    plain = unicodedata.normalize("NFKD", text.replace("’", "-")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


PLACES = {
    **STORES,
    "comptes": "serveur avec comptes",
    "mandataire": "serveur derrière un mandataire",
}


def _label(id: str, label: str) -> str:
    """``label`` with the store's name when the id ends with one: verdicts list conditions."""
    store = PLACES.get(id.rpartition(".")[2])
    return f"{label} ({store})" if store else label


def _rate(chapter: Chapter, id: str, label: str, found: int, n: int, method: str) -> None:
    """A share of cases drawn at random, with its interval."""
    interval = wilson(found, n)
    chapter.kpi(
        id, _label(id, label), found / n, "proportion", intervalle=interval, n=n, methode=method
    )


def _part(chapter: Chapter, id: str, label: str, found: int, n: int, method: str) -> None:
    """A share of a declared list: nothing was drawn, so it has no interval."""
    chapter.kpi(id, _label(id, label), found / n, "proportion", n=n, methode=method)


def _count(chapter: Chapter, id: str, label: str, found: int, n: int, method: str) -> None:
    chapter.kpi(id, _label(id, label), int(found), "", n=int(n), methode=method)


def refusal(backend: str) -> str | None:
    """Why this chapter does not touch a store that could be opened, in French."""
    return Tracabilite.declined.get(backend)


def unavailable_backend(chapter: Chapter, backend: str, reason: str) -> None:
    """A backend that could not be opened: its main KPIs are said not measured."""
    for id, label in (
        ("tracabilite.questions.juste", "réponses justes"),
        ("tracabilite.changements.suivis", FOLLOWED),
    ):
        full = f"{id}.{backend}"
        chapter.not_measured(
            full, _label(full, label), "proportion", methode=_PER_QUESTION, motif=reason
        )


def wrong_commits(contexts: pd.DataFrame) -> pd.DataFrame:
    """The rows on the code whose commit is wrong while nothing warns of it.

    A commit that the tags call modified warns its reader, hence is not one of them.
    """
    keys = ["backend", "contexte"]
    state = contexts[contexts["question"] == "valide"]
    warned = pd.MultiIndex.from_frame(state[state["reponse"] == "non validé"][keys])
    code = contexts[contexts["question"] == "code"]
    silent = ~pd.MultiIndex.from_frame(code[keys]).isin(warned)
    return code[(code["note"] == "fausse") & silent]


def record_contexts(chapter: Chapter, contexts: pd.DataFrame) -> None:
    """KPIs of ``contexts.observe_contexts``, per backend."""
    method = "un lancement par contexte, dans un processus à lui ; la vérité est préparée"
    for backend, rows in contexts.groupby("backend", sort=False):
        code = rows[rows["question"] == "code"]
        recorded = code[code["note"] != "absente"]
        wrong = wrong_commits(rows)
        plain = code[code["famille"] != "git_model_versioning"]
        _part(
            chapter,
            f"tracabilite.contextes.code_juste.{backend}",
            "contextes dont le code se retrouve",
            int((plain["note"] == "juste").sum()),
            len(plain),
            method,
        )
        _count(
            chapter,
            f"tracabilite.contextes.commit_faux.{backend}",
            "commits enregistrés qui ne contiennent pas le code exécuté, sans que rien n’en avertisse",
            len(wrong),
            len(recorded),
            method,
        )
        _count(
            chapter,
            f"tracabilite.contextes.commit_faux_valide.{backend}",
            "commits faux alors que tout le code était validé",
            int((wrong["verite"] == "code validé").sum()),
            len(wrong),
            method,
        )
        projects = code[code["famille"] == "MLflow Project"]
        _count(
            chapter,
            f"tracabilite.contextes.projet.{backend}",
            "lancements par MLflow Project dont le commit gardé contient le code exécuté",
            int((projects["note"] == "juste").sum()),
            len(projects),
            method,
        )
        for question, label in (
            ("utilisateur", "runs dont l’auteur est faux"),
            ("fichier", "runs dont le fichier lancé est mal nommé"),
            ("date", "runs dont la date est fausse"),
        ):
            asked = rows[rows["question"] == question]
            mistaken = asked[asked["note"] == "fausse"]
            if question == "utilisateur" and len(mistaken) == 1:
                label += f" sous « {mistaken['libelle'].iloc[0]} »"
            _count(
                chapter,
                f"tracabilite.contextes.{question}_faux.{backend}",
                label,
                int((asked["note"] == "fausse").sum()),
                len(asked),
                method,
            )
        versioned = rows[rows["famille"] == "git_model_versioning"]
        state = versioned[versioned["question"] == "valide"]
        _count(
            chapter,
            f"tracabilite.versionnage.etat.{backend}",
            "états du dépôt bien dits par le versionnage Git",
            int((state["note"] == "juste").sum()),
            len(state),
            method,
        )
        changed = versioned[
            (versioned["question"] == "code") & (versioned["verite"] == "code hors de tout commit")
        ]
        _count(
            chapter,
            f"tracabilite.versionnage.code.{backend}",
            "codes non validés que la différence gardée redonne",
            int((changed["note"] == "juste").sum()),
            len(changed),
            method,
        )
        twice = changed[changed["contexte"] == "genai-deux-etats"]
        _count(chapter, f"tracabilite.versionnage.confondus.{backend}", "états distincts confondus", int((twice["note"] == "fausse").sum()), len(twice), method)  # fmt: skip


def record_hook(chapter: Chapter, without: pd.DataFrame, hooked: pd.DataFrame) -> None:
    """The code, with and without the hook, on the contexts that both tried."""
    method = "mêmes contextes, mêmes vérités, avec et sans le crochet"
    for backend, rows in hooked.groupby("backend", sort=False):
        same = without[
            (without["backend"] == backend) & without["contexte"].isin(set(rows["contexte"]))
        ]
        for name, table in (("sans", same), ("avec", rows)):
            code = table[table["question"] == "code"]
            _part(
                chapter,
                f"tracabilite.remede.code_juste_{name}.{backend}",
                f"contextes dont le code se retrouve, {name} le crochet",
                int((code["note"] == "juste").sum()),
                len(code),
                method,
            )
            _count(chapter, f"tracabilite.remede.code_faux_{name}.{backend}", f"réponses fausses sur le code, {name} le crochet", int((code["note"] == "fausse").sum()), len(code), method)  # fmt: skip


def record_questions(chapter: Chapter, tables: dict[str, pd.DataFrame]) -> None:
    """KPIs of ``interview.interview``."""
    for backend, rows in tables["questions"].groupby("backend", sort=False):
        for grade in GRADES:
            _part(
                chapter,
                f"tracabilite.questions.{grade}.{backend}",
                f"réponses {grade}s" if grade != "fausse" else "réponses fausses",
                int((rows["note"] == grade).sum()),
                len(rows),
                _PER_QUESTION,
            )
        notes = rows.set_index("question")["note"]
        method = "scénario joué, réponse de l’API comparée au journal"
        for name, label, ids in (
            (
                "source",
                "adresses de données qui ramènent aux données",
                ("lieu-donnees", "lieu-relecture"),
            ),
            (
                "version",
                "champs d’une version remplis et justes",
                ("run-version", "modele", "auteur-version"),
            ),
        ):
            _count(
                chapter,
                f"tracabilite.questions.{name}.{backend}",
                label,
                int((notes[list(ids)] == "juste").sum()),
                len(ids),
                method,
            )
        _count(
            chapter,
            f"tracabilite.questions.numero.{backend}",
            "numéros de version qui désignent un autre modèle",
            int(notes["numero-reutilise"] == "fausse"),
            1,
            method,
        )
        links = tables["modele"][tables["modele"]["backend"] == backend]
        _count(
            chapter,
            f"tracabilite.modele.liens.{backend}",
            "liens trouvés d’un modèle enregistré",
            int(links["trouve"].sum()),
            len(links),
            method,
        )
        formats = tables["formats"][tables["formats"]["backend"] == backend]
        prov = "notice d’une version exportée par la bibliothèque prov, relue et comparée"
        _count(
            chapter,
            f"tracabilite.prov.relus.{backend}",
            "formats PROV relus égaux",
            int((formats["relu"] == "égal").sum()),
            len(formats),
            prov,
        )
        broken = tables["contraintes"][tables["contraintes"]["backend"] == backend]
        full = f"tracabilite.prov.contraintes.{backend}"
        label = _label(full, "contraintes PROV rompues par la notice")
        chapter.kpi(full, label, len(broken), "", methode=prov)
        for kind, name in (("deviné", "devines"), ("absent", "absents")):
            gaps = tables["manques"][
                (tables["manques"]["backend"] == backend) & (tables["manques"]["sorte"] == kind)
            ]
            full = f"tracabilite.prov.{name}.{backend}"
            label = _label(full, f"éléments PROV {kind}s")
            chapter.kpi(full, label, len(gaps), "", methode=prov)


def record_changes(chapter: Chapter, changes: pd.DataFrame, prefix: str = "changements") -> None:
    """KPIs of ``changes.follow_changes``; ``prefix`` tells the run under the log apart."""
    method = "changements joués un à un ; la valeur, l’instant et l’auteur sont cherchés partout"
    under = ", avec le journal de la base" if prefix == "remede_journal" else ""
    labels = {
        "ancienne": "changements dont l’ancienne valeur se retrouve",
        "date": "changements dont la date se retrouve",
        "auteur": "changements dont l’auteur se retrouve",
    }
    for backend, rows in changes.groupby("backend", sort=False):
        done = rows[rows["issue"] == "accepté"]
        n = len(done)
        for column, label in labels.items():
            for place, places in (("api", ["API"]), ("magasin", ["API", "base"])):
                _part(
                    chapter,
                    f"tracabilite.{prefix}.{column}_{place}.{backend}",
                    f"{label} par l’API{'' if place == 'api' else ' ou dans la base'}{under}",
                    int(done[column].isin(places).sum()),
                    n,
                    method,
                )
        followed = (done[list(labels)] == "API").all(axis=1)[~done["changement"].isin(BEHIND)]
        _part(
            chapter,
            f"tracabilite.{prefix}.suivis.{backend}",
            FOLLOWED + under,
            int(followed.sum()),
            len(followed),
            method,
        )
        _part(
            chapter,
            f"tracabilite.{prefix}.alarme.{backend}",
            f"changements dont il reste un signe{under}",
            int(done["alarme"].sum()),
            n,
            method,
        )
        by_id = rows.set_index("changement")
        for name, label, ids, test in (
            ("fichiers", "altérations de fichiers qui se voient", FILES, by_id["alarme"]),
            (
                "horodatage_version",
                "changements d’une version qui en changent la date",
                VERSION_CHANGES,
                by_id["date"] == "API",
            ),
            (
                "horodatage_experience",
                "changements d’une expérience qui en changent la date",
                EXPERIMENT_CHANGES,
                by_id["date"] == "API",
            ),
        ):
            full = f"tracabilite.{prefix}.{name}.{backend}"
            if not set(ids) <= set(test.index):
                chapter.not_measured(
                    full, _label(full, label + under), "", methode=method, motif=BEFORE
                )
                continue
            _count(chapter, full, label + under, int(test[list(ids)].sum()), len(ids), method)  # fmt: skip
        kept = [str(by_id.at["alias", column]) for column in labels]
        _count(chapter, f"tracabilite.{prefix}.alias.{backend}", f"éléments gardés d’un déplacement d’alias{under}", len(kept) - kept.count("nulle part"), len(kept), method)  # fmt: skip


def record_webhooks(chapter: Chapter, tables: dict[str, pd.DataFrame]) -> None:
    """KPIs of ``webhooks.journal_by_webhooks``."""
    method = "vie du registre jouée sur un serveur dont les webhooks appellent un journal"
    kinds, asked = tables["annonces"], tables["questions"]
    promised = kinds[kinds["promis"]]
    lost = (promised["joues"] - promised["annonces"]).clip(lower=0)
    _count(chapter, "tracabilite.webhooks.perdus.http+sqlite", LOST, int(lost.sum()), int(promised["joues"].sum()), method)  # fmt: skip
    for name, moment, label in (
        ("manques", "après la pose", LATE),
        ("indus", "après la suppression", UNDUE),
    ):
        full = f"tracabilite.webhooks.{name}.http+sqlite"
        if "fraicheur" not in tables:
            chapter.not_measured(full, _label(full, label), "", methode=method, motif=BEFORE)
            continue
        rows = tables["fraicheur"][tables["fraicheur"]["moment"] == moment]
        heard = int(rows["annonces"].sum())
        n = int(rows["joues"].sum())
        _count(chapter, full, label, n - heard if name == "manques" else heard, n, method)
    played = int(kinds["joues"].sum())
    silent = int(kinds[~kinds["promis"]]["joues"].sum())
    _rate(chapter, "tracabilite.webhooks.muets", "événements du registre qu’aucun webhook n’annonce", silent, played, method)  # fmt: skip
    _count(chapter, "tracabilite.webhooks.auteur", "annonces qui disent qui a agi", int(kinds["auteur"].sum()), int(kinds["annonces"].sum()), method)  # fmt: skip
    for grade in ("juste", "fausse"):
        found = int((asked["note"] == grade).sum())
        _rate(chapter, f"tracabilite.webhooks.etats_{grade}s", f"réponses {grade}s sur les états passés, par le journal des webhooks", found, len(asked), method)  # fmt: skip


SERVED = {
    "comptes": (
        "tracabilite.comptes.auteur_magasin.comptes",
        "changements dont l’auteur se retrouve par l’API ou dans la base",
    ),
    "mandataire": (
        "tracabilite.remede_mandataire.auteur_magasin.mandataire",
        "changements dont l’auteur se retrouve par l’API ou dans la base",
    ),
    "webhooks": ("tracabilite.webhooks.perdus.http+sqlite", LOST),
}
"""Measure on a server -> its main KPI and label."""
TOO_SLOW = "chaque serveur coûte plusieurs secondes ; le profil `standard` les démarre."


def not_served(chapter: Chapter, reason: str, missing: Sequence[str]) -> None:
    """Servers that were not started: their main KPIs are said not measured."""
    for name in missing:
        id, label = SERVED[name]
        chapter.not_measured(id, label, "", methode="serveur MLflow", motif=reason)


def record_registry(chapter: Chapter, tables: dict[str, pd.DataFrame]) -> None:
    """KPIs of ``registry_history.live_registry``."""
    method = "vie jouée avec un journal ; instants et faits tirés au sort, parts égales par nature"
    questions = tables["questions"]
    for backend, rows in questions.groupby("backend", sort=False):
        for reader, name in (("prudent", "etats_passes"), ("journal", "etats_passes_journal")):
            asked = rows[rows["lecteur"] == reader]
            who = "par l’API" if reader == "prudent" else "par le journal de la base"
            _part(  # natures in equal parts: no population, no interval
                chapter,
                f"tracabilite.registre.{name}.{backend}",
                f"états passés retrouvés {who}",
                int((asked["note"] == "juste").sum()),
                len(asked),
                method,
            )
        prudent = rows[rows["lecteur"] == "prudent"]
        for kind, of_kind in prudent.groupby("nature", sort=False):
            if kind != "alias":  # below, and never found by construction
                _rate(chapter, f"tracabilite.registre.etats_{slug(str(kind))}.{backend}", f"états passés retrouvés par l’API : {_KINDS.get(str(kind), kind)}", int((of_kind["note"] == "juste").sum()), len(of_kind), method)  # fmt: skip
        naive = rows[rows["lecteur"] == "naif"]
        _part(
            chapter,
            f"tracabilite.registre.naif_faux.{backend}",
            "états passés faux pour qui lit l’état présent",
            int((naive["note"] == "fausse").sum()),
            len(naive),
            method,
        )
        alias = rows[(rows["lecteur"] == "prudent") & (rows["nature"] == "alias")]
        _part(  # no answer can be given: a structural nought has no interval
            chapter,
            f"tracabilite.registre.alias.{backend}",
            "alias passés retrouvés par l’API",
            int((alias["note"] == "juste").sum()),
            len(alias),
            method,
        )
        links = tables["lignee"][tables["lignee"]["backend"] == backend].set_index("maillon")
        chain = links.drop(index="run non supprimé")
        _rate(
            chapter,
            f"tracabilite.registre.lignee.{backend}",
            "versions vivantes dont la lignée est entière",
            int(chain["complets"].min()),
            int(chain["n"].iloc[0]),
            method,
        )
        access = tables["acces"][tables["acces"]["backend"] == backend]
        last = access[access["evenements"] == access["evenements"].max()]
        for operation, timed in last.groupby("operation", sort=False):
            median = quantile(timed["temps_s"], 0.5)
            full = f"tracabilite.registre.acces_{slug(str(operation))}.{backend}"
            chapter.kpi(full, _label(full, f"{operation}, médiane"), median.value, "s", intervalle=median.interval, n=median.n, methode="temps au mur, client en place", conditions={"evenements": int(last["evenements"].iloc[0])})  # fmt: skip


def fields_asked(records: pd.DataFrame) -> pd.DataFrame:
    """``transparency.read_records``, its labels those of the grid, less what cannot be asked.

    A program that takes no seed has none to note.  Evidence made with an earlier grid holds two
    more fields, whose patterns took ``oob_score`` for a core and ``min_samples_split`` for a
    split of the data: they are left out.
    """
    labels = {field.id: field.label for field in FIELDS}
    seeded = [s.name for s in SUBJECTS if "seed" in {name for name, *_ in s.arguments}]
    kept = records[
        records["champ"].isin(labels)
        & ((records["champ"] != "graine") | records["sujet"].isin(seeded))
    ]
    kept = kept.assign(libelle=kept["champ"].map(labels))
    order = {id: rank for rank, id in enumerate(labels)}
    return kept.sort_values("champ", key=lambda ids: ids.map(order), kind="stable")


def field_classes(records: pd.DataFrame) -> pd.DataFrame:
    """One row per field: ``seul`` (in every record), ``demandé`` (in some) or ``jamais``."""
    share = records.groupby(["champ", "libelle", "groupe"], sort=False)["rempli"].mean()
    table = share.reset_index(name="part")
    table["classe"] = [
        "seul" if p == 1 else "jamais" if p == 0 else "demandé" for p in table["part"]
    ]
    return table


def record_transparency(chapter: Chapter, records: pd.DataFrame) -> None:
    """KPIs of ``transparency.read_records``."""
    method = "champs d’une grille fixe, lus dans la notice de chaque expérience de la population"
    classes = field_classes(records)
    for kind, name in (("seul", "seul"), ("demandé", "demande"), ("jamais", "jamais")):
        label = {
            "seul": "champs remplis dans toutes les notices",
            "demandé": "champs remplis dans une partie des notices",
            "jamais": "champs remplis dans aucune notice",
        }[kind]
        _part(
            chapter,
            f"tracabilite.transparence.{name}",
            label,
            int((classes["classe"] == kind).sum()),
            len(classes),
            method,
        )
    for recording, rows in records.groupby("enregistrement", sort=False):
        _part(chapter, f"tracabilite.transparence.rempli.{slug(str(recording))}", f"champs remplis, enregistrement « {recording} »", int(rows["rempli"].sum()), len(rows), method)  # fmt: skip


def record_retrieval(chapter: Chapter, timed: pd.DataFrame) -> None:
    """KPIs of ``transparency.time_retrieval``: the largest store of each backend."""
    for backend, rows in timed.groupby("backend", sort=False):
        right = rows.groupby(["tache", "runs"])["juste"].all()
        _count(
            chapter,
            f"tracabilite.recherche.fausse.{backend}",
            "recherches dont la réponse est fausse",
            int((~right).sum()),
            len(right),
            "cinq recherches dont la réponse est connue, à chaque taille de magasin ; une "
            "répétition n’est pas un cas de plus",
        )
        large = rows[rows["runs"] == rows["runs"].max()]
        for task, times in large.groupby("tache", sort=False):
            median = quantile(times["temps_s"], 0.5)
            full = f"tracabilite.recherche.{slug(str(task))}.{backend}"
            chapter.kpi(full, _label(full, f"{task}, médiane"), median.value, "s", intervalle=median.interval, n=median.n, methode="temps au mur, client en place, magasin rempli", conditions={"runs": int(large["runs"].iloc[0]), "appels": int(times["appels"].max())})  # fmt: skip


def record_remedies(chapter: Chapter, convention: pd.DataFrame, cost: pd.DataFrame) -> None:
    """KPIs of ``remedies``."""
    for (backend, share), rows in convention.groupby(["backend", "discipline"], sort=False):
        _part(
            chapter,
            f"tracabilite.remede.convention_{round(100 * float(str(share)))}.{backend}",
            f"alias passés retrouvés quand {round(100 * float(str(share)))} % des déplacements suivent la convention",
            int((rows["note"] == "juste").sum()),
            len(rows),
            "déplacements joués, un instant demandé par déplacement",
        )
    for (backend, operation), rows in cost.groupby(["backend", "operation"], sort=False):
        with_log, without = rows[rows["journal"]], rows[~rows["journal"]]
        ratio, interval = median_ratio(with_log["temps_s"], without["temps_s"], seed=SEED)
        full = f"tracabilite.remede.cout_{slug(str(operation))}.{backend}"
        label = _label(full, f"durée avec le journal, rapportée à sans : {operation}")
        chapter.kpi(full, label, ratio, "rapport", intervalle=interval, n=len(without), methode="écritures entrelacées dans un ordre tiré au sort, rapport des médianes", conditions={"operation": str(operation)})  # fmt: skip


WITNESSES = Path(__file__).parent / "witnesses"


def attach_witnesses(chapter: Chapter) -> None:
    """Give each claim the smallest reproduction that lies in ``witnesses/``."""
    for path in sorted(WITNESSES.glob("P*.py")):
        chapter.witness(path.name.partition("_")[0], path.read_text(encoding="utf-8"))
