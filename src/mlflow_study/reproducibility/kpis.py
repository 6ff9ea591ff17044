"""From this chapter's observations to its KPIs (no measuring, no French page)."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping

import pandas as pd

from mlflow_study.chapter import Chapter
from mlflow_study.evidence.records import BEFORE
from mlflow_study.evidence.statistics import quantile, wilson
from mlflow_study.reproducibility.vocabulary import (
    DIGEST_LABELS,
    RECORDING_LABELS,
    RECORDINGS,
    REGIMES,
    RUNG_KEYS,
    RUNG_LABELS,
    TIME_STAGES,
)

FAILURES = {
    "environnement": "environnement qui ne s’installe pas",
    "importer": "MLflow qui ne s’importe pas",
    "ouvrir": "magasin qui ne s’ouvre pas",
    "charger lineaire": "modèle linéaire qui ne se charge pas",
    "charger foret": "forêt qui ne se charge pas",
    "executer": "expérience qui ne tourne plus, ou que MLflow n’enregistre plus",
    "métriques identiques": "métriques qui ne reviennent pas au bit",
}
"""Stage of the way back -> what is counted where it fails."""
OLD_MODELS = {"lineaire": "modèle linéaire", "foret": "forêt"}
CLOSE = "écart de plus de 10⁻⁶"
"""``releases.CLOSE``, in words."""

_METHOD = "reproducteur automatique, magasin et adresses qu’il contient"


def slug(text: str) -> str:
    """A French label as a part of a KPI id."""
    plain = (
        unicodedata.normalize("NFKD", text.replace("’", " "))
        .encode("ascii", "ignore")
        .decode()
        .lower()
    )
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def share(
    chapter: Chapter, id: str, label: str, found: pd.Series, method: str, *, drawn: bool = False
) -> None:
    """Record a proportion, with its Wilson interval where the cases stand for a draw.

    A list that was chosen has none: its n and its count say it all.
    """
    values = found.astype(bool)
    n = len(values)
    if n == 0:
        chapter.not_measured(id, label, "proportion", methode=method, motif="aucun cas")
        return
    hits = int(values.sum())
    interval = wilson(hits, n) if drawn else None
    chapter.kpi(id, label, hits / n, "proportion", methode=method, intervalle=interval, n=n)


def count(chapter: Chapter, id: str, label: str, found: pd.Series, method: str) -> None:
    """Record how many of n cases are true (counter-examples, or items present)."""
    values = found.astype(bool)
    if len(values) == 0:
        chapter.not_measured(id, label, "", methode=method, motif="aucun cas mesuré")
        return
    chapter.kpi(id, label, int(values.sum()), "", methode=method, n=len(values))


def ladder(chapter: Chapter, rungs: pd.DataFrame) -> None:
    """Success rates per rung and recording; projects by where their data lie; effort.

    One way of recording has a Wilson interval: that of subjects drawn from such subjects.  All
    the ways together play each subject several times, so they have none.
    """
    alone = rungs[rungs["mode"] == "autonome"]
    groups = {name: alone[alone["enregistrement"] == name] for name in (*RECORDINGS, "carnet")}
    groups["mlflow"] = alone[alone["enregistrement"].isin(RECORDINGS)]
    labels = {**RECORDING_LABELS, "mlflow": "toutes les manières avec MLflow"}
    for rung, key in RUNG_KEYS.items():
        for name, group in groups.items():
            one_way = name != "mlflow"
            share(
                chapter,
                f"reproductibilite.reussite.{key}.{name}",
                f"{RUNG_LABELS[rung].replace('1e-6', '10⁻⁶')} ({labels[name]})",
                group["echelon"] >= rung,
                f"{_METHOD} ; intervalle de Wilson" if one_way else _METHOD,
                drawn=one_way,
            )
    project = groups["projet"]
    for place, key in (("hors dépôt", "hors_depot"), ("", "dans_le_depot")):
        inside = project["donnees"] == place if place else project["donnees"] != "hors dépôt"
        count(
            chapter,
            f"reproductibilite.projet.echecs.{key}",
            "projet non ramené à la même conclusion "
            f"(données {'hors du dépôt' if place else 'dans le dépôt ou la bibliothèque'})",
            project[inside]["echelon"] < 2,
            "projets relancés par mlflow run et qui ne redonnent pas la même conclusion",
        )
    careful_against_notebook(chapter, alone)
    effort(chapter, rungs)


def careful_against_notebook(chapter: Chapter, alone: pd.DataFrame) -> None:
    """Subjects that one of two ways brings back and not the other: the same ones, played twice.

    McNemar's exact test: under no difference, each such subject falls on either side by chance.
    """
    from scipy.stats import binomtest

    back = alone.pivot_table(index="sujet", columns="enregistrement", values="echelon") >= 2
    careful = int((back["soin"] & ~back["carnet"]).sum())
    notebook = int((back["carnet"] & ~back["soin"]).sum())
    differ = careful + notebook
    chapter.kpi(
        "reproductibilite.reussite.differences.soin_carnet",
        "sujets que l’une des deux manières ramène à la même conclusion, et non l’autre "
        "(avec soin, cahier de laboratoire)",
        differ,
        "",
        methode="mêmes sujets, tenus des deux manières ; test exact de McNemar",
        n=len(back),
        conditions={
            "soin": careful,
            "carnet": notebook,
            "p": float(binomtest(careful, differ).pvalue) if differ else 1.0,
        },
    )


def last_attempts(rungs: pd.DataFrame) -> pd.DataFrame:
    """One row per experiment: the helped attempt where there was one."""
    return rungs.drop_duplicates("experience", keep="last")


EFFORTS = {"commandes": "commandes", "decisions": "décisions", "faits": "faits"}
"""Column of the reproducer's journal -> what it counts, in French."""


def effort(chapter: Chapter, rungs: pd.DataFrame) -> None:
    """Mean counts and median times to bring an experiment back, help included."""
    done = last_attempts(rungs)
    for name in (*RECORDINGS, "carnet"):
        group = done[done["enregistrement"] == name]
        for column, counted in EFFORTS.items():
            chapter.kpi(
                f"reproductibilite.effort.{column}.{name}",
                f"{counted} par expérience ({RECORDING_LABELS[name]})",
                float(group[column].mean()),
                "",
                methode="journal du reproducteur, aide comprise ; moyenne",
                n=len(group),
            )
        for key, timed in (("preparation", "préparation"), ("execution", "exécution")):
            middle = quantile(group[f"{key}_s"], 0.5)
            chapter.kpi(
                f"reproductibilite.effort.{key}.{name}",
                f"{timed} ({RECORDING_LABELS[name]})",
                middle.value,
                "s",
                methode="journal du reproducteur ; médiane",
                intervalle=middle.interval,
                n=middle.n,
            )


def fields(chapter: Chapter, table: pd.DataFrame) -> None:
    """Share of the variables of Gundersen & Kjensmo that the record holds."""
    for name in RECORDINGS:
        share(
            chapter,
            f"reproductibilite.champs.{name}",
            f"variables présentes dans l’enregistrement ({RECORDING_LABELS[name]})",
            table[table["enregistrement"] == name]["present"],
            "grille de Gundersen et Kjensmo, lue par l’API publique",
        )


def ablation(chapter: Chapter, table: pd.DataFrame) -> None:
    """Rung left after each removal (mean over subjects)."""
    for label, group in table.groupby("retire", sort=False):
        chapter.kpi(
            f"reproductibilite.ablation.{slug(str(label))}",
            f"échelon moyen restant sans {label}",
            float(group["echelon"].mean()),
            "",
            methode="enregistrement soigné dont on retire un élément ; échelon de 0 à 5",
            n=len(group),
        )


FACTOR_FAMILIES = {
    "code_non_valide": ("code modifié, non validé",),
    "calcul": ("un seul fil de calcul", "autre noyau de calcul (BLAS)"),
}
"""Key of a KPI -> factors whose silent changes it counts."""


def factors(chapter: Chapter, table: pd.DataFrame, moved_store: pd.DataFrame) -> None:
    """Changes that moved the result without a trace in the record; what a moved store loses."""
    played = table[table["motif"] == ""]
    moved = played[played["bouge"].astype(bool)]
    method = "un facteur changé à la fois ; comparaison au bit et champ par champ"
    share(
        chapter,
        "reproductibilite.facteurs.silence",
        "facteurs qui changent le résultat sans trace dans l’enregistrement",
        moved["silence"],
        method,
    )
    for key, names in FACTOR_FAMILIES.items():
        count(
            chapter,
            f"reproductibilite.facteurs.{key}",
            f"résultats changés en silence ({', '.join(names)})",
            played[played["facteur"].isin(names)]["silence"],
            method,
        )
    count(
        chapter,
        "reproductibilite.facteurs.magasin_deplace",
        "choses que le magasin déplacé dans un autre dossier ne rend plus",
        ~moved_store["retrouvee"].astype(bool),
        "base et artefacts déplacés ensemble ; lecture par l’API publique",
    )


def power(chapter: Chapter, table: pd.DataFrame) -> None:
    """Share of simulated pairs that the equivalence test accepts, by true difference."""
    for _, row in table.iterrows():
        gap, hits, n = int(row["ecart"]), int(row["equivalents"]), int(row["essais"])
        chapter.kpi(
            f"reproductibilite.equivalence.ecart_{gap}",
            f"équivalence conclue, vraie différence en écarts-types : {gap}",
            hits / n,
            "proportion",
            methode=f"tirages normaux ; relances par programme : {int(row['relances'])}",
            intervalle=wilson(hits, n),
            n=n,
        )


BEYOND = 10_000
"""MLflow's bound: rows of a table, elements of an array."""
UNREAD_KINDS = ("date modifiée", "booléen inversé", "texte modifié, colonne à trous")


def digest_class(table: pd.DataFrame) -> pd.Series:
    """The declared class of each mutation: what the mechanism reads, and what it does not."""

    def classify(row: pd.Series) -> str:
        if not row["contenu_change"]:
            return "contenu_inchange"
        if row["mutation"] in UNREAD_KINDS:
            return "dates_booleens_textes_a_trous"
        if row["taille"] > BEYOND:
            return "au_dela_de_10000"
        return "nombres_et_textes"

    return table.apply(classify, axis=1)


def digests(
    chapter: Chapter, mutations: pd.DataFrame, collision: pd.DataFrame, times: pd.DataFrame
) -> None:
    """Missed changes per class, false alarms, collision, cost.

    A share over several kinds of mutation reflects how many of each were planned: no interval.
    """
    method = "modifications tirées par sorte et par taille ; empreinte avant et après"
    classes = digest_class(mutations)
    for key, label in DIGEST_LABELS.items():
        group = mutations[classes == key]
        if key == "contenu_inchange":
            share(
                chapter,
                "reproductibilite.empreinte.fausses_alertes",
                "empreinte changée, contenu inchangé",
                group["empreinte_change"],
                method,
            )
            continue
        missed = ~group["empreinte_change"].astype(bool)
        unseen = f"changements non vus ({label})"
        count(chapter, f"reproductibilite.empreinte.manquees.{key}", unseen, missed, method)
        share(
            chapter,
            f"reproductibilite.empreinte.taux_manque.{key}",
            f"part des {unseen}",
            missed,
            method,
        )
    late = mutations[
        (mutations["mutation"] == "nombre modifié dans la seconde moitié")
        & (mutations["taille"] == 20_000)
    ]
    count(
        chapter,
        "reproductibilite.empreinte.vues_apres_10000",
        "changements après la 10 000e ligne vus par l’empreinte",
        late["empreinte_change"],
        method,
    )
    found = collision.iloc[0]
    chapter.kpi(
        "reproductibilite.empreinte.collision",
        "tableaux d’une case essayés avant deux empreintes égales",
        int(found["essais"]) if found["confirmee"] else None,
        "",
        methode="recherche des anniversaires, confirmée par mlflow.data",
        n=int(found["essais"]),
        conditions={} if found["confirmee"] else {"motif": "aucune collision dans ces essais"},
    )
    largest = times[times["lignes"] == times["lignes"].max()]
    middle = quantile(largest["empreinte_s"], 0.5)
    chapter.kpi(
        "reproductibilite.empreinte.temps",
        f"calcul de l’empreinte, {int(largest['lignes'].iloc[0])} lignes",
        middle.value,
        "s",
        methode="médiane",
        intervalle=middle.interval,
        n=middle.n,
    )


REFUSED = frozenset({"refusée"})
SAME_VALUES = frozenset({"acceptée, mêmes bits", "acceptée, derniers bits changés"})
ACCEPTED = SAME_VALUES | {"acceptée, autres valeurs"}
DOCUMENTED_INPUTS = {
    "colonnes dans un autre ordre": SAME_VALUES,
    "colonne en trop": SAME_VALUES,
    "colonne manquante": REFUSED,
    "colonne renommée": REFUSED,
    "flottants sur 32 bits": ACCEPTED,
    "entiers longs à la place de flottants": REFUSED,
    "texte à la place de nombres": REFUSED,
    "décimaux à la place de flottants": SAME_VALUES,
    "colonne d’objets, dates": SAME_VALUES,
    "colonne d’objets, dates en texte": SAME_VALUES,
}
"""What the documentation says of each guise of the input: the outcomes that keep its word.

32-bit floats hold other numbers than the original table, so they may give other values.
"""


def signature_kept(inputs: pd.DataFrame) -> pd.Series:
    """Guise of the input -> whether the signature dealt with it as documented."""
    outcome = inputs.set_index("entree")["issue"]
    return pd.Series({name: outcome[name] in kept for name, kept in DOCUMENTED_INPUTS.items()})


def models(chapter: Chapter, parts: Mapping[str, pd.DataFrame]) -> None:
    """Default format, bits after reloading, inputs, local code, files and requirements."""
    formats, inputs, local = parts["formats"], parts["entrees"], parts["module_local"]
    files, requirements = parts["fichiers"], parts["exigences"]
    method = "modèles scikit-learn courants, enregistrés, rechargés, comparés au bit"
    default = formats[formats["format"] == "défaut"]
    count(
        chapter,
        "reproductibilite.modele.refuses.defaut",
        "modèles refusés (format par défaut)",
        ~default["enregistre"].astype(bool),
        method,
    )
    pickled = formats[formats["format"] == "cloudpickle"]
    count(
        chapter,
        "reproductibilite.modele.refuses.cloudpickle",
        "modèles refusés (format cloudpickle)",
        ~pickled["enregistre"].astype(bool),
        method,
    )
    share(
        chapter,
        "reproductibilite.modele.acceptes_par_defaut",
        "modèles que le format par défaut accepte",
        default["enregistre"],
        method,
    )
    saved = formats[formats["enregistre"].astype(bool)]
    count(
        chapter,
        "reproductibilite.modele.bits.sklearn",
        "prédictions changées (modèle rechargé par mlflow.sklearn)",
        ~saved["memes_bits"].astype(bool),
        method,
    )
    same = inputs[inputs["entree"] == "identique"]
    count(
        chapter,
        "reproductibilite.modele.bits.pyfunc",
        "prédictions changées (modèle rechargé par mlflow.pyfunc, avec signature)",
        same["issue"] != "acceptée, mêmes bits",
        method,
    )
    rules = (
        "reproductibilite.modele.signature_tenue",
        "règles de la signature tenues",
    )
    told = (
        "acceptation ou refus de chaque forme d’entrée, comparé à la documentation ; mêmes valeurs "
        "pour un autre ordre, une colonne en trop et une conversion annoncée"
    )
    if set(DOCUMENTED_INPUTS) <= set(inputs["entree"]):
        count(chapter, *rules, signature_kept(inputs), told)
    else:
        motif = {"motif": BEFORE}
        chapter.kpi(*rules, None, "", methode=told, conditions=motif)
    silent = inputs[inputs["issue"] == "acceptée, autres valeurs"]
    chapter.kpi(
        "reproductibilite.modele.entrees_changees",
        "formes d’entrée acceptées qui changent les prédictions",
        len(silent),
        "",
        methode="même tableau présenté de plusieurs manières à mlflow.pyfunc",
        n=len(inputs),
    )
    for _, row in local.iterrows():
        key = slug(str(row["enregistrement"]))
        count(
            chapter,
            f"reproductibilite.modele.module_local.{key}",
            f"modèle non rechargé à l’identique (module du projet, {row['enregistrement']})",
            pd.Series([not row["memes"]]),
            "modèle rechargé par un Python neuf, hors du projet",
        )
    count(
        chapter,
        "reproductibilite.modele.fichiers",
        "fichiers annoncés que porte le modèle",
        files["present"],
        "lecture du dossier du modèle",
    )
    count(
        chapter,
        "reproductibilite.modele.exigences_epinglees",
        "exigences épinglées à la version installée",
        requirements["exacte"],
        "requirements.txt du modèle, comparé à l’environnement",
    )
    rebuilt = requirements.dropna(subset=["suffisant"]).drop_duplicates("modele")
    count(
        chapter,
        "reproductibilite.modele.module_local.exigences",
        "modèle non rechargé à l’identique (environnement neuf fait des exigences inférées)",
        ~rebuilt["suffisant"].astype(bool),
        "uv ; le modèle se recharge et prédit les mêmes bits",
    )


def projects(chapter: Chapter, table: pd.DataFrame) -> None:
    """Repositories that ``mlflow run`` altered."""
    for _, row in table.iterrows():
        count(
            chapter,
            f"reproductibilite.projet.altere.{slug(str(row['forme']))}",
            f"dépôt modifié ({str(row['forme']).replace(', ', ' par ')})",
            pd.Series([bool(row["altere"])]),
            "état du dépôt avant et après mlflow run URI -v COMMIT",
        )


def stage_success(stages: pd.DataFrame) -> pd.DataFrame:
    """Release × (regime, stage) -> reached; a stage that was never tried counts as not reached."""
    tried = stages[stages["etape"].isin(TIME_STAGES)]
    wide = tried.pivot_table(
        index=["release", "publication", "age_jours"],
        columns=["regime", "etape"],
        values="reussi",
        aggfunc="max",
    )
    return wide.notna() & (wide == 1)


def _has(wide: pd.DataFrame, column: tuple[str, str]) -> bool:
    return any(tuple(c) == column for c in wide.columns)


_RUNS_TODAY = ("actuel", "executer")
MODELS_BACK = ("importer", "charger lineaire", "charger foret")
"""The stages of a model's environment that serves again."""


def releases(chapter: Chapter, stages: pd.DataFrame, context: pd.DataFrame) -> None:
    """Shares of releases that still work, and failures for the claims."""
    wide = stage_success(stages)
    made = {"date": str(context["date"].iloc[0]), "origine": "preuve enregistrée"}
    for column in wide.columns:
        regime, stage = str(column[0]), str(column[1])
        if regime == "origine":
            continue
        hits, n = int(wide[column].sum()), len(wide)
        label = f"{TIME_STAGES[stage]} ({REGIMES[regime]})"
        chapter.kpi(
            f"reproductibilite.temps.{slug(stage)}.{regime}",
            label,
            hits / n,
            "proportion",
            methode="une expérience par version de MLflow choisie, reprise aujourd’hui",
            n=n,
            conditions=made,
        )
        chapter.kpi(
            f"reproductibilite.temps.echecs_{slug(stage)}.{regime}",
            f"{FAILURES[stage]} ({REGIMES[regime]})",
            n - hits,
            "",
            methode=f"versions de MLflow pour lesquelles échoue : {TIME_STAGES[stage]}",
            n=n,
            conditions=made,
        )
    for regime in ("jour", "actuel"):
        columns = pd.MultiIndex.from_product([[regime], MODELS_BACK])
        count(
            chapter,
            f"reproductibilite.temps.sans_modeles.{regime}",
            f"environnement refait qui n’importe pas MLflow ou ne charge pas les deux modèles ({REGIMES[regime]})",
            ~wide.reindex(columns=columns, fill_value=False).all(axis=1),
            "versions de MLflow choisies ; import, puis chargement du modèle linéaire et de la forêt",
        )
    old_major = wide[[str(r).startswith("2.") for r in wide.index.get_level_values("release")]]
    for stage in ("ouvrir", "charger lineaire", "charger foret"):
        reached = old_major[("migre", stage)] if _has(wide, ("migre", stage)) else pd.Series([])
        count(
            chapter,
            f"reproductibilite.temps.relecture_2x.{slug(stage)}",
            FAILURES[stage],
            ~reached.astype(bool),
            "versions 2.x de MLflow relues par MLflow d’aujourd’hui, base migrée : échecs",
        )
    kept = stages[(stages["regime"] == "migre") & stages["release"].str.startswith("2.")]
    kept = kept[kept["etape"].str.startswith("prédictions proches")]
    count(
        chapter,
        "reproductibilite.temps.relecture_2x.predictions",
        f"prédictions changées, {CLOSE}",
        kept["reussi"] == False,  # noqa: E712
        "modèles de MLflow 2.x rechargés aujourd’hui",
    )
    for model, named in OLD_MODELS.items():
        close = stages[
            (stages["regime"] == "migre") & (stages["etape"] == f"prédictions proches {model}")
        ]
        count(
            chapter,
            f"reproductibilite.temps.predictions_changees.{model}",
            f"vieux modèles rechargés aujourd’hui qui prédisent autrement ({named})",
            close["reussi"] == False,  # noqa: E712
            f"mêmes données de test, prédictions d’origine et d’aujourd’hui ; {CLOSE}",
        )
        gaps = close["detail"].str.extract(r"écart (\S+)")[0].astype(float)
        gaps = gaps[gaps < math.inf]
        if len(gaps):
            chapter.kpi(
                f"reproductibilite.temps.ecart_predictions.{model}",
                f"plus grand écart entre probabilités d’origine et d’aujourd’hui ({named})",
                float(gaps.max()),
                "",
                methode="vieux modèles rechargés aujourd’hui, mêmes données de test ; écart absolu",
                n=len(gaps),
            )
    age = wide.index.get_level_values("age_jours")
    for years in (1, 2, 3):
        old = wide[(age >= 365 * years)]
        if len(old) == 0 or not _has(wide, _RUNS_TODAY):
            continue
        share(
            chapter,
            f"reproductibilite.temps.apres_{years}_ans",
            f"expériences que MLflow enregistre encore, versions d’aujourd’hui (au moins {years}"
            f" {'an' if years == 1 else 'ans'})",
            old[_RUNS_TODAY],
            "une expérience par version de MLflow, environnement refait aujourd’hui",
        )
