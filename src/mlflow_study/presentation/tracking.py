"""Figures, tables and computed sentences of the tracking chapter."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, TypeAlias

import pandas as pd

from mlflow_study.evidence.records import Kpi, Verdict
from mlflow_study.evidence.statistics import wilson, zero_failure_bound
from mlflow_study.presentation import numbers as fr
from mlflow_study.presentation import page
from mlflow_study.presentation.figures import INK, ink_on, new, store_label
from mlflow_study.presentation.tables import Markup
from mlflow_study.store_names import STORES
from mlflow_study.tracking.addresses import judged
from mlflow_study.tracking.kpis import under_fault

Frame: TypeAlias = Any
"""A DataFrame; its stubs make each cell a union of forty types, which hides real faults."""

CLASSES = {
    "identique": "#5aa77b",
    "altérée avec avis": "#b9d7a8",
    "refus clair": "#c9ced3",
    "refus trompeur": "#e8c15a",
    "altérée en silence": "#d9822b",
    "acceptée, puis illisible": "#b3261e",
    "nuit à ce qui était stocké": "#5c0f0a",
}
"""Class of a round trip → hue, from harmless to harmful; the last is outlined: it is seen in the dark."""
HARMS = ("altérée en silence", "refus trompeur", "acceptée, puis illisible", "nuit à ce qui était stocké")  # fmt: skip


STRATA_SHOWN = 10


def strata_shown(count: int) -> str:
    """What the table of strata leaves out, if anything."""
    if count <= STRATA_SHOWN:
        return "les strates sans aucun défaut ne sont pas montrées"
    return (
        f"les {fr.integer(STRATA_SHOWN)} strates qui en ont le plus, sur {fr.integer(count)} qui en "
        "ont (le reste est dans `suivi.aller_retour.parquet`)"
    )


def grid(rows: Any) -> Frame:
    """A table whose cells keep their type (pandas would make plain text of ``Markup``)."""
    return pd.DataFrame(rows, dtype=object)


def code(text: str, size: int = 160) -> Markup:
    """A piece of data or of code in a cell, as it is, clipped."""
    clipped = text if len(text) <= size else f"{text[: size - 1]}…"
    return Markup(f"<code>{escape(clipped)}</code>")


def share(hits: int, n: int) -> str:
    """A proportion with its interval and n; «0 sur n, au plus … %» when nothing was found."""
    if n == 0:
        return "aucun essai"
    if hits == 0:
        return f"0 sur {fr.integer(n)} (au plus {fr.percent(zero_failure_bound(n))})"
    return fr.measured(hits / n, "proportion", wilson(hits, n), n)


def out_of(hits: int, n: int) -> str:
    """A count in a cell."""
    return f"{fr.integer(hits)} / {fr.integer(n)}" if n else fr.MISSING


def among(hits: int, n: int, singular: str = "", plural: str | None = None) -> str:
    """A count in a sentence: «54 essais sur 99»."""
    counted = fr.count(hits, singular, plural) if singular else fr.integer(hits)
    return f"{counted} sur {fr.integer(n)}"


def powers(text: str) -> str:
    """«2^53» as it is printed: «2⁵³»."""
    return re.sub(r"\^(\d+)", lambda match: match[1].translate(fr._SUPERSCRIPT), text)


def stores(names: Sequence[str]) -> str:
    """Labels of backends, each once, in the order of the report."""
    ranks = {name: rank for rank, name in enumerate(STORES)}
    ordered = sorted(set(names), key=lambda name: (ranks.get(name, len(ranks)), name))
    return fr.join([store_label(name) for name in ordered])


def untested(reasons: Mapping[str, str]) -> None:
    """The backends that were asked for and could not be opened, and why."""
    for name, reason in reasons.items():
        label = store_label(name)
        common = reason.split()[0][1:].islower()  # not the name of a product
        told = reason[0].lower() + reason[1:] if common else reason
        page.missing(f"{label[0].upper()}{label[1:]} : {told}")


def wide(table: Frame, index: str, value: Callable[[Any], str]) -> Frame:
    """One row per ``index``, one column per backend, cells computed from each row."""
    rows: dict[str, dict[str, Any]] = {}
    for row in table.itertuples():
        rows.setdefault(getattr(row, index), {})[store_label(row.magasin)] = value(row)
    frame = pd.DataFrame.from_dict(rows, orient="index", dtype=object)
    return frame.where(frame.notna(), "–").rename_axis(index).reset_index()


# --- round trip ----------------------------------------------------------------------


def roundtrip(table: Frame) -> None:
    """Shares of the classes per backend, then defects per stratum and backend."""
    shares = pd.crosstab(table.magasin, table.classe, normalize="index")
    counts = table.groupby("magasin").size()
    harmful = table[table.classe.isin(HARMS)].groupby("magasin").size().reindex(counts.index, fill_value=0)  # fmt: skip
    rates = harmful / counts
    worst, best = str(rates.idxmax()), str(rates.idxmin())
    total = table.classe.isin(HARMS).sum()
    if total:
        title = f"Jusqu’à {fr.percent(rates[worst])} des écritures tirées sont altérées en silence, mal refusées ou nuisibles"
    else:
        title = "Aucune des écritures tirées n’est altérée en silence, mal refusée ni nuisible"
    lines = [
        f"- {store_label(str(name))} : {share(int(harmful[name]), int(counts[name]))}"
        for name in counts.index
    ]
    page.finding(
        title,
        "Ces cas visent les bords de l’espace : la part d’un usage ordinaire n’est pas mesurée, "
        "et c’est la liste des causes qui importe. Part des cas altérés en silence, mal refusés, "
        "illisibles ou nuisibles :\n\n" + "\n".join(lines),
    )
    fig, ax = new(height=0.55 * len(counts) + 1.4)
    names = list(reversed([str(name) for name in counts.index]))
    left = pd.Series(0.0, index=names)
    for name, hue in CLASSES.items():
        widths = shares.get(name, pd.Series(0.0, index=counts.index)).reindex(names).fillna(0.0)
        drawn = 100 * widths.where(widths > 0)  # no outline around nothing
        outline = 0.8 if name == list(CLASSES)[-1] else 0.0
        ax.barh([store_label(n) for n in names], drawn, left=100 * left, color=hue, label=name, edgecolor=INK, linewidth=outline)  # fmt: skip
        for y, store in enumerate(names):
            if widths[store] > 0.03:
                ax.text(100 * (left[store] + widths[store] / 2), y, fr.number(100 * widths[store], 2), ha="center", va="center", color=ink_on(hue), fontsize=7.5)  # fmt: skip
        left = left + widths
    ax.set_xlabel("part des cas (%)")
    ax.set_xlim(0, 100)
    ax.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.45, 1.0), frameon=False, fontsize=7.5)
    page.figure(
        fig,
        label="fig-allerretour",
        title=f"Ce qui revient : {fr.percent(float(shares.get('identique', pd.Series([0.0])).min()))} à {fr.percent(float(shares.get('identique', pd.Series([0.0])).max()))} d’écritures identiques selon le magasin",
        caption=f"Classe de chaque cas tiré, en pourcentage, par magasin ; n = {fr.join([f'{fr.integer(counts[n])} ({store_label(str(n))})' for n in counts.index])}. Même nombre de cas dans chaque strate.",
        alt=f"Barres empilées par magasin ; la part nuisible ou altérée en silence est la plus grande pour {store_label(worst)}, la plus petite pour {store_label(best)}.",
    )
    bad = table[table.classe.isin(HARMS)]
    cells = []
    for (stratum, store), some in table.groupby(["strate", "magasin"], sort=False):
        wrong = some[some.classe.isin(HARMS)]
        worst_class = wrong.classe.map(list(CLASSES).index).max() if len(wrong) else -1
        text = out_of(len(wrong), len(some)) if len(wrong) else "0"
        if len(wrong):
            text += f" {list(CLASSES)[int(worst_class)]}"
        cells.append({"strate": powers(str(stratum)), "magasin": store, "texte": text})
    frame = wide(pd.DataFrame(cells), "strate", lambda row: row.texte)
    worst_strata = bad.strate.value_counts().index
    worst_named = [powers(str(stratum)) for stratum in worst_strata[:STRATA_SHOWN]]
    frame = frame.set_index("strate").loc[worst_named].reset_index()
    page.table(
        frame.rename(columns={"strate": "Ce qui varie"}),
        label="tab-strates",
        title="Où se trouvent les défauts, magasin par magasin",
        caption=f"Nombre de cas défectueux sur le nombre de cas tirés, et la pire classe rencontrée ; {strata_shown(len(worst_strata))}.",
    )
    clean = [s for s in table.strate.unique() if s not in set(bad.strate)]
    if clean:
        page.prose(f"Rien à redire, dans aucun magasin, sur {fr.count(len(clean), 'strate')} : {fr.join([f'« {powers(s)} »' for s in clean])}.")  # fmt: skip


def side_by_side(table: Frame, limit: int = 6) -> None:
    """Inputs whose fate differs from one backend to another, the shortest of each stratum."""
    common = table.groupby("numero").magasin.nunique()
    shared = table[table.numero.isin(common[common == common.max()].index)]
    differs = shared.groupby("numero").classe.nunique()
    unlike = differs[differs > 1].index
    page.finding(
        f"{fr.percent(len(unlike) / max(1, shared.numero.nunique()))} des mêmes entrées n’ont pas le même sort d’un magasin à l’autre",
        f"Sur {fr.integer(shared.numero.nunique())} entrées données telles quelles à {fr.count(int(common.max()), 'magasin')}, "
        f"{fr.count(len(unlike), 'a', 'ont')} un sort différent : qui change de magasin change de règles.",
    )
    if not len(unlike):
        return
    some = shared[shared.numero.isin(unlike)]
    first = some.drop_duplicates("numero").assign(size=lambda d: d.donnee.str.len()).sort_values("size")  # fmt: skip
    chosen = first.drop_duplicates("strate").drop_duplicates("donnee").head(limit)
    rows = []
    for case in chosen.itertuples():
        fates = some[some.numero == case.numero].set_index("magasin").classe
        told = Markup(f"{escape(fr.clean(powers(case.strate)))}<br>{code(case.donnee, 90)}")
        rows.append({"Ce qui varie, et l’entrée": told, **{store_label(str(k)): v for k, v in fates.items()}})  # fmt: skip
    page.table(
        grid(rows),
        label="tab-cote-a-cote",
        title="La même entrée, d’un magasin à l’autre",
        caption="Le cas le plus court de chaque strate où les magasins diffèrent.",
    )


def hunted(table: Frame) -> None:
    """The smallest witnesses, and the shortest of the worst as a block to paste."""
    if table.empty:
        page.finding("La chasse aux plus petits défauts n’a rien trouvé", "Hypothesis n’a trouvé aucun cas dans les essais demandés : ce n’est pas une preuve d’absence.")  # fmt: skip
        return
    page.finding(
        f"La chasse réduit les défauts à {fr.count(len(table), 'cas minimal', 'cas minimaux')}",
        "Hypothesis cherche dans le même espace, puis réduit chaque trouvaille : voici les plus petites entrées qui suffisent.",
    )
    rows = [
        {
            "Magasin": store_label(row.magasin),
            "Classe": row.classe,
            "Plus petite entrée": code(row.cas, 90),
            "Ce qui revient": code(row.relu or row.message, 110),
        }
        for row in table.itertuples()
    ]
    page.table(
        grid(rows),
        label="tab-chasse",
        title="Les plus petites entrées qui suffisent",
        caption="Trouvées et réduites par Hypothesis, sans base d’exemples, tirage fixé.",
    )
    order = table.assign(rang=table.classe.map(list(CLASSES).index)).sort_values("rang")
    worst = order.iloc[-1]
    page.witness(worst.code, title=f"{store_label(worst.magasin)} : {worst.classe}", shows=f"Facette « {worst.facette} », réduite par la chasse.")  # fmt: skip


# --- semantics -----------------------------------------------------------------------


_RESTATED = {
    "dernier-nan": "la dernière valeur est le maximum, quand un NaN est à égalité de pas et d’horodatage",
    "dernier-numpy": "la dernière valeur est le maximum, quand le pas est un entier NumPy",
}
"""Properties whose recorded wording leans on that of another."""


_REWRITTEN = re.compile(r"…('.*') puis …('.*') \((\d+) signes\)")


def _example(text: str) -> str:
    """A counter-example; two values that were recorded by their ends, whole where they are short."""
    if not (found := _REWRITTEN.fullmatch(text)):
        return text
    first, second, length = found[1], found[2], int(found[3])
    if length <= 3:
        return f"{first} puis {second}"
    return f"…{first} puis …{second} ({fr.integer(length)} signes)"


def semantics(table: Frame, types: Frame | None) -> None:
    """Properties that hold everywhere, then those that do not."""
    table = table.assign(enonce=table.propriete.map(_RESTATED).fillna(table.enonce))
    held = table.groupby("enonce", sort=False).contre_exemples.sum()
    good, bad = [str(k) for k in held[held == 0].index], [str(k) for k in held[held > 0].index]
    page.finding(
        f"Dernier, ordre, doublon, NaN : {fr.count(len(good), 'propriété tient', 'propriétés tiennent')} partout, {fr.count(len(bad), 'est contredite', 'sont contredites')} dans au moins un magasin",
        f"Tient partout, sans contre-exemple : {fr.join([f'*{x}*' for x in good]) or 'aucune'}.",
    )
    frame = wide(table[table.enonce.isin(bad)] if bad else table, "enonce", lambda r: out_of(r.contre_exemples, r.n))  # fmt: skip
    examples = table[table.contre_exemples > 0].assign(size=lambda d: d.exemple.str.len()).sort_values("size").drop_duplicates("enonce").set_index("enonce").exemple  # fmt: skip
    shown = [code(_example(str(examples.get(name, ""))), 120) for name in frame.enonce]
    frame["Un contre-exemple"] = pd.Series(shown, index=frame.index, dtype=object)
    page.table(
        frame.rename(columns={"enonce": "Propriété"}),
        label="tab-sens",
        title="Propriétés contredites : contre-exemples sur essais",
        caption="Essais tirés au hasard, graine fixée. L’ordre d’écriture et l’ordre du temps s’excluent : une contradiction au moins est inévitable.",
    )
    if types is None:
        return
    same = types[types.egale.astype(bool)]
    types = types[~types.egale.astype(bool)]
    page.table(
        grid(
            [
                {
                    "Type": row.type,
                    "Donné": code(row.valeur, 40),
                    "Relu, métrique": code(row.metrique, 40),
                    "Relu, paramètre": code(row.parametre, 40),
                }
                for row in types.itertuples()
            ]
        ),
        label="tab-types",
        title="Les types de valeurs qui ne reviennent pas tels quels (SQLite)",
        caption=f"Les valeurs dont la métrique est refusée ou change ; {fr.count(len(same), 'autre revient', 'autres reviennent')} comme le même nombre ({fr.join(list(dict.fromkeys(same.type)))}).",
    )


# --- completeness --------------------------------------------------------------------

_READERS = {
    "get_metric_history": "Python, `get_metric_history`",
    "get-history": "REST, `metrics/get-history`",
    "get-history-bulk": "REST, `metrics/get-history-bulk`",
    "get-history-bulk-interval": "REST, `…/get-history-bulk-interval`, celle des graphiques",
}


def _interval_limit(points: Frame) -> int | None:
    """The most points that the charts' endpoint gives of one run, where it was seen to cut."""
    own = points[(points.voie == "get-history-bulk-interval") & (points.rendus < points.ecrits)]
    return int(own.rendus.max()) if len(own) else None


def completeness(table: Frame) -> None:
    """Points by read path and length; pages of runs."""
    points = table[table.objet == "points"]
    whole = points[points.voie == "get_metric_history"]
    lost = int((whole.ecrits - whole.distincts).sum())
    longest = int(whole.ecrits.max())
    cut = points[points.distincts < points.ecrits]
    silent = sorted(cut[cut.avertit == ""].voie.unique())
    title = (
        f"`get_metric_history` rend tous les points jusqu’à {fr.integer(longest)}"
        if lost == 0
        else f"`get_metric_history` perd {fr.count(lost, 'point')}"
    )
    if silent:
        title += f" ; {fr.count(len(silent), 'voie coupe', 'voies coupent')} sans le dire"
    page.finding(title)
    caption = (
        f"Le plus petit nombre rendu parmi les magasins ({stores(list(points.magasin.unique()))})."
    )
    alone = points[points.ecrits == longest].magasin.unique()
    if len(alone) < points.magasin.nunique():
        caption += f" L’historique de {fr.integer(longest)} points n’est relu que dans {stores(list(alone))}."
    if silent:
        caption += " Aucune réponse coupée ne dit qu’elle l’est."
    if _interval_limit(points):
        caption += " Le nombre de points voulu (`max_results`) n’est pas donné ici\u202f; la page de MLflow en donne un, plus petit."
    frame = points.groupby(["voie", "ecrits"], sort=False).rendus.min().unstack("ecrits")
    frame = frame.rename(index=_READERS, columns=lambda n: fr.integer(n))
    page.table(
        frame.reset_index().rename(columns={"voie": "Voie de lecture"}),
        label="tab-historiques",
        title="Points rendus, selon la voie et le nombre de points écrits",
        caption=caption,
    )
    runs = table[(table.objet == "runs") & (table.voie != "une page")]
    busy = runs[runs.voie.str.contains("créé entre")]
    quiet = runs[~runs.voie.str.contains("créé entre")]
    missing = int((quiet.ecrits - quiet.distincts).sum() + (quiet.rendus - quiet.distincts).sum())
    repeated = int((busy.rendus - busy.distincts).sum())
    calm = (
        f"Au repos, les pages rendent chaque run une fois (0 manquant, 0 répété sur {fr.integer(quiet.ecrits.sum())})."
        if missing == 0
        else f"Au repos, {fr.count(missing, 'run manque ou se répète', 'runs manquent ou se répètent')} sur {fr.integer(quiet.ecrits.sum())}."
    )
    moving = (
        f" Si un run est créé entre deux pages, {fr.count(repeated, 'run est rendu', 'runs sont rendus')} deux fois sur {fr.integer(busy.ecrits.sum())} : la page suivante est un rang, non un repère."
        if repeated
        else " Un run créé entre deux pages ne trouble pas la lecture."
    )
    page.prose(calm + moving)


def listings(table: Frame) -> None:
    """Pages of experiments, models, versions and traces."""
    busy = table[table.voie.str.contains("créé entre")]
    quiet = table[~table.voie.str.contains("créé entre")]
    wrong = int((quiet.ecrits - quiet.distincts + quiet.rendus - quiet.distincts).sum())
    disordered = int((~quiet.ordonnes.astype(bool)).sum())
    repeated = busy[busy.rendus > busy.distincts]
    kinds = fr.join(list(dict.fromkeys(table.objet)))
    calm = (
        f"chaque objet revient une fois (0 manquant, 0 répété sur {fr.integer(quiet.ecrits.sum())})"
        if wrong == 0
        else f"{fr.count(wrong, 'objet manque ou se répète', 'objets manquent ou se répètent')} sur {fr.integer(quiet.ecrits.sum())}"
    )
    order = (
        "dans l’ordre demandé, même entre ex æquo que sépare une fin de page"
        if disordered == 0
        else f"mais {among(disordered, len(quiet), 'lecture')} {'ne suit' if disordered == 1 else 'ne suivent'} pas l’ordre demandé"
    )
    moving = (
        f" Un objet créé entre deux pages en répète un autre : {fr.join(list(dict.fromkeys(repeated.objet)))}, dans {among(len(repeated), len(busy), 'lecture')}."
        if len(repeated)
        else " Un objet créé entre deux pages ne trouble aucune lecture."
    )
    page.prose(
        f"Les autres listes ({kinds}), lues page par page au repos : {calm}, {order}.{moving}"
    )


_MISLED = {
    "ailleurs": "Les données vont dans l’autre magasin, sans erreur",
    "refus": "Refusé : l’objet est cherché dans l’autre magasin",
    "autre": "Sans erreur, mais autrement : sans métriques ni paramètres, ou perdu",
}
"""What becomes of a call when the address of the process is not its client's."""


def addresses(table: Frame) -> None:
    """Calls of a client opened by its address that reach another store."""
    found = judged(table)
    wrong = found[found.issue != "même"]
    names = stores(list(found.magasin.unique()))
    page.finding(
        f"Un client ouvert par son adresse en suit parfois une autre : {fr.count(wrong.appel.nunique(), 'appel', 'appels')} sur {fr.integer(found.appel.nunique())}"
        if len(wrong)
        else "Un client ouvert par son adresse n’en suit aucune autre",
        f"Les mêmes appels de `MlflowClient(adresse)` sont faits deux fois ({names}) : quand l’adresse du processus est celle du client, puis quand c’est celle d’un autre magasin, où existe une expérience de même numéro. Rien d’autre ne change.",
    )
    rows = []
    for issue, words in _MISLED.items():
        some = wrong[wrong.issue == issue]
        calls = some.groupby("appel", sort=False).magasin.agg(lambda names: stores(list(names)))
        for where in dict.fromkeys(calls):
            told = ", ".join(str(name) for name in calls[calls == where].index)
            rows.append({"Ce qui arrive": words, "Appels": code(told, 400), "Magasins": where})
    if rows:
        page.table(
            grid(rows),
            label="tab-adresses",
            title="Ce que devient un appel quand l’adresse du processus est une autre",
            caption=f"Sur {fr.count(len(found), 'appel comparé', 'appels comparés')}, tous magasins. Ce qui parvient à l’autre magasin est vu deux fois : requêtes envoyées, rangées de son fichier.",
        )


def misplaced(kpis: Mapping[str, Kpi]) -> None:
    """Runs that go elsewhere after ``set_experiment``, where another process was first."""
    found = {
        id.rpartition(".")[2]: kpi
        for id, kpi in kpis.items()
        if id.startswith("suivi.experience.egares.") and kpi.valeur is not None
    }
    if not found:
        return
    lost = sum(int(kpi.valeur or 0) for kpi in found.values())
    tried = sum(kpi.n or 0 for kpi in found.values())
    page.finding(
        f"Devancé par un autre processus, `set_experiment` égare {among(lost, tried, 'run')}"
        if lost
        else "Devancé par un autre processus, `set_experiment` active bien l’expérience",
        "Entre la recherche du nom et la création, un autre processus crée l’expérience (l’épreuve joue "
        f"cet autre processus, à coup sûr ; {stores(list(found))}). "
        + (
            "`set_experiment` la rend alors, mais ne l’active pas : le run suivant va dans l’expérience "
            "active d’avant, ou dans celle par défaut, sans un mot."
            if lost
            else "Le run suivant y va."
        ),
    )


def filters(table: Frame) -> None:
    """Filters and orders against the oracle."""
    wrong = table[table.issue == "écart"]
    refused = table[table.issue == "refus"]
    told = [
        f"{name}, {among(int((group.issue == 'écart').sum()), len(group))}"
        for name, group in table.groupby("famille")
    ]
    page.finding(
        f"Sur {fr.integer(len(table))} recherches tirées, {fr.count(len(wrong), 'rend', 'rendent')} autre chose que l’oracle et {fr.count(len(refused), 'est refusée', 'sont refusées')}",
        f"Mêmes runs et mêmes expressions dans chaque magasin ({stores(list(table.magasin.unique()))}). Écarts par sorte : {' ; '.join(told)}.",
    )
    samples = pd.concat([wrong, refused]).assign(size=lambda d: d.expression.str.len()).sort_values("size")  # fmt: skip
    chosen = samples.groupby(["expression", "issue"], sort=False).agg(
        famille=("famille", "first"), magasins=("magasin", list), ecart=("ecart", "first")
    )
    chosen = chosen.reset_index().drop_duplicates(["famille", "issue"]).head(6)
    if len(chosen):
        page.table(
            grid(
                {
                    "Expression": [code(x, 80) for x in chosen.expression],
                    "Magasins": [stores(names) for names in chosen.magasins],
                    "Issue": list(chosen.issue),
                    "Ce qui diffère": [code(x, 110) for x in chosen.ecart],
                }
            ),
            label="tab-filtres-exemples",
            title="Les plus courtes expressions qui surprennent",
        )


def autologging(tables: Mapping[str, Frame]) -> None:
    """Parameters, scores, later metrics, children of searches."""
    table, after = tables["autolog"], tables["apres"]
    wanted, exact = int(table.attendus.sum()), int(table.exacts.sum())
    cut = int(table.tronques.sum())
    page.finding(
        f"L’enregistrement automatique garde {fr.integer(exact)} paramètres sur {fr.integer(wanted)} tels quels"
        + (f" et en coupe {fr.integer(cut)}" if cut else ""),
        f"Le score d’apprentissage est exact pour {among(int(table.score_exact.sum()), len(table), 'estimateur')}. "
        f"{fr.count(int(table.opaques.sum()), 'paramètre gardé ne peut', 'paramètres gardés ne peuvent')} pas être rejoués (adresse d’objet, générateur, tableau coupé). "
        f"Des {fr.integer(table.combinaisons.sum())} combinaisons essayées par les recherches, {fr.integer(table.enfants.sum())} ont un run. "
        f"Le jeu de données est noté pour {among(int(table.jeu.sum()), len(table), 'estimateur')}, la version de scikit-learn pour {among(int(table.version_sklearn.sum()), len(table))} (sans modèle).",
    )
    whole = (table.exacts == table.attendus) & (table.opaques == 0) & (table.enfants == table.combinaisons) & table.score_exact.astype(bool)  # fmt: skip
    kept = table[~whole]
    if len(kept):
        page.table(
            grid(
                {
                    "Estimateur": kept.estimateur,
                    "Paramètres": [out_of(a, b) for a, b in zip(kept.exacts, kept.attendus, strict=True)],
                    "Coupés": kept.tronques,
                    "Non rejouables": kept.opaques,
                    "Score exact": kept.score_exact.astype(bool),
                    "Runs enfants": [out_of(a, b) for a, b in zip(kept.enfants, kept.combinaisons, strict=True)],
                }
            ),
            label="tab-autolog",
            title="Là où l’enregistrement automatique laisse quelque chose",
            caption=f"Paramètres : gardés tels quels sur ceux de get_params(). Runs enfants : gardés sur combinaisons essayées. Rien à redire pour {fr.join(list(table[whole].estimateur)) or 'aucun autre'}.",
        )  # fmt: skip
    right, wrong = after[after.juste.astype(bool)], after[~after.juste.astype(bool)]
    missed = [
        f"{row.cas} (reçue par {row.recu}{', limite annoncée' if row.limite_annoncee else ''})"
        for row in wrong.itertuples()
    ]
    page.prose(
        "Une métrique calculée après l’apprentissage de deux modèles "
        + (f"rejoint le bon run pour : {fr.join(list(right.cas))}" if len(right) else "ne rejoint jamais le bon run")
        + (f" ; elle ne le rejoint pas pour : {fr.join(missed)}." if missed else ", sans exception.")
    )  # fmt: skip


def atomicity(table: Frame) -> None:
    """Batches with one bad item."""
    refused = table[table.refuse]
    partial = refused[refused.issue.str.startswith("une partie")]
    told = table.get("avis", table.refuse & False).astype(bool)
    lacking = (table.gardes < table.bons) | ~table.fautif_garde.astype(bool)
    silent = table[~table.refuse & lacking & ~told]
    if len(refused) == 0:
        title = "Aucun lot fautif n’est refusé"
    elif len(partial):
        title = f"Un lot refusé n’est pas annulé : une partie reste dans {among(len(partial), len(refused), 'refus', 'refus')}"
    else:
        title = "Un lot refusé ne laisse rien"
    page.finding(
        title,
        ("Aucun lot n’est resté incomplet sans erreur ni avis" if silent.empty else f"{fr.count(len(silent), 'lot est resté incomplet', 'lots sont restés incomplets')} sans erreur ni avis ({stores(list(silent.magasin.unique()))})")
        + f" (n = {fr.integer(len(table))}). La documentation annonce qu’une partie peut être écrite ; voici laquelle.",
    )  # fmt: skip
    refused = refused.assign(mauvais=refused.mauvais.map(powers))
    rows = refused.groupby(["mauvais", "magasin"], sort=False).issue.apply(lambda s: f"{int(s.str.startswith('une partie').sum())} / {len(s)}").reset_index()  # fmt: skip
    if len(rows):
        page.table(
            wide(rows, "mauvais", lambda r: r.issue).rename(columns={"mauvais": "Fautif"}),
            label="tab-lots",
            title="Lots refusés dont une partie reste, sur lots refusés",
            caption=f"Un seul fautif, au début, au milieu ou à la fin de lots de {fr.join([fr.integer(n) for n in sorted(table.taille.unique())])} métriques, 5 paramètres et 5 étiquettes.",
        )


# --- faults --------------------------------------------------------------------------


def endings(table: Frame) -> None:
    """What is lost, and the final status, for each way a writer may end."""
    some = table[table.contexte.str.contains("with") & (table.statut != "") & (table.panne != "disque plein")]  # fmt: skip
    if some.empty:
        page.missing(
            "Aucun écrivain n’a été frappé : aucun magasin de `pannes` n’est éprouvé dans cette exécution."
        )
        return
    sync = some[some.envoi == "synchrone"]
    lost_in_sync = int(sync.perdues.sum())
    if sync.empty:
        title = "Fins d’un écrivain"
    elif lost_in_sync == 0:
        title = "En envoi synchrone, aucune écriture acquittée n’est perdue"
    else:
        title = f"En envoi synchrone, {fr.count(lost_in_sync, 'écriture acquittée est perdue', 'écritures acquittées sont perdues')}"
    lines = [f"- envoi {name} : {_losses(own)}" for name, own in some.groupby("envoi")]
    page.finding(title, "Écritures acquittées, puis absentes du magasin, toutes fins confondues :\n\n" + "\n".join(lines))  # fmt: skip
    some = some.assign(vrai=[s in a.split(" ou ") for s, a in zip(some.statut, some.attendus, strict=True)])  # fmt: skip
    rows = []
    for (context, status, right), group in some.groupby(["contexte", "statut", "vrai"], sort=False):
        lost = {e: group[group.envoi == e] for e in ("synchrone", "asynchrone")}
        rows.append(
            {
                "Fins": ", ".join(dict.fromkeys(group.panne)),
                "Écriture": context,
                "Statut final": f"{status} ({'vrai' if right else 'faux'})",
                "Perdues, synchrone": out_of(int(lost["synchrone"].perdues.sum()), int(lost["synchrone"].acquittees.sum())),
                "Perdues, asynchrone": out_of(int(lost["asynchrone"].perdues.sum()), int(lost["asynchrone"].acquittees.sum())),
                "Attente": fr.duration(float(group.bloque_s.max())) if group.bloque_s.max() > 0 else "–",
            }
        )  # fmt: skip
    page.table(
        grid(rows),
        label="tab-fins",
        title="Comment finit un run, et ce qu’il en reste",
        caption=f"Écritures perdues sur écritures acquittées ; statut vrai : il ne ment pas sur la fin. Attente : la plus longue entre le signal et la fin du processus. Magasins : {stores(list(some.magasin.unique()))} ; {fr.count(int(some.groupby(['magasin', 'panne', 'contexte', 'envoi']).size().max()), 'essai', 'essais')} de chaque fin, par écriture et par envoi.",
    )
    page.prose(_statuses(some))


def _losses(some: Frame) -> str:
    """Writes lost in some endings, by store; a bound on the endings where none was lost.

    The writes of one process are lost together: they are no independent draws.
    """
    lost = int(some.perdues.sum())
    told = among(lost, int(some.acquittees.sum()), "écriture perdue", "écritures perdues")
    told += f", en {fr.count(len(some), 'fin')}"
    if lost == 0:
        bound = fr.percent(zero_failure_bound(len(some)))
        return f"{told} (au plus {bound} des fins en perdraient, borne à 95 %)"
    by_store = some.groupby("magasin")[["perdues", "acquittees"]].sum()
    if len(by_store) == 1:
        return told
    detail = [f"{store_label(str(name))}, {among(int(row.perdues), int(row.acquittees))}" for name, row in by_store.iterrows()]  # fmt: skip
    return f"{told} ({' ; '.join(detail)})"


_ENDS = {"fin": "la fin du programme", "exception": "une exception"}
_SAID = {
    "RUNNING": ("arrêté", "reste{often} RUNNING tant que personne ne le corrige"),
    "FINISHED": ("interrompu", "est{often} dit FINISHED"),
    "FAILED": ("terminé", "est{often} dit FAILED"),
    "absent": ("arrêté", "n’est{often} pas dans le magasin"),
}
"""Final status → how the run came to it, and what is then said of it."""


def _statuses(some: Frame) -> str:
    """Which endings leave a false status, with and without the context manager."""
    false = some[~some.vrai]
    if false.empty:
        return f"Aucun statut final n’est faux ({among(0, len(some), 'fin')})."
    causes: dict[tuple[str, str, bool], list[str]] = {}
    for (status, ending), own in false.groupby(["statut", "panne"], sort=False):
        contexts = sorted(own.contexte.unique())
        where = contexts[0] if len(contexts) == 1 else "avec ou sans `with`"
        tried = some[(some.panne == ending) & some.contexte.isin(contexts)]
        word = _ENDS.get(ending, f"`{ending}`" if "(" in ending else ending)
        causes.setdefault((status, where, len(own) == len(tried)), []).append(word)
    ranks = list(_SAID)
    sentences = [
        f"Le statut final est faux dans {among(len(false), len(some), 'fin')}. "
        "Cette part dépend du plan, qui essaie chaque fin autant de fois."
    ]
    for (status, where, always), words in sorted(
        causes.items(),
        key=lambda item: ranks.index(item[0][0]) if item[0][0] in ranks else len(ranks),
    ):
        how, said = _SAID.get(status, ("terminé", f"a{{often}} le statut {status}"))
        often = "" if always else " parfois"
        sentences.append(f"{where[0].upper()}{where[1:]}, un run {how} par {fr.join(words, 'ou')} {said.format(often=often)}.")  # fmt: skip
    return " ".join(sentences)


_FAULT_WORDS = {
    "base tuée": "base tuée",
    "serveur tué": "serveur tué",
    "serveur lent": "serveur lent",
    "disque plein": "disque plein",
    "processus, ": "foule",
}
"""Part of a fault's name → its word in a title."""


def _other_losses(rest: Frame) -> str:
    """The title of those faults: of the ones under which something was acknowledged."""
    tried = rest[rest.acquittees > 0].panne
    words = [word for part, word in _FAULT_WORDS.items() if tried.str.contains(part).any()]
    under = ", ".join(words) if words else "ces pannes"
    lost = int(rest.perdues.sum())
    if lost == 0:
        return f"{under[0].upper()}{under[1:]} : aucune écriture acquittée n’est perdue"
    told = fr.count(lost, "écriture acquittée est perdue", "écritures acquittées sont perdues")
    return f"{told} ({under})"


_SIZED = re.compile(r"(\d+) octets (restent cachés|listés sur (\d+))")


def _bytes(count: int) -> str:
    """A size that may be a whole number of Mio."""
    whole, rest = divmod(count, 2**20)
    return f"{fr.integer(whole)}\u00a0Mio" if whole and not rest else fr.count(count, "octet")


def _sized(detail: str) -> str:
    """The detail of a cut artifact, its sizes as a reader reads them."""

    def told(found: re.Match[str]) -> str:
        seen = _bytes(int(found[1]))
        one = seen.startswith(("0\u00a0", "1\u00a0"))
        if found[3]:
            return f"{seen} {'listé' if one else 'listés'} sur {_bytes(int(found[3]))}"
        if found[1] == "0":
            return "aucun octet ne reste caché"
        return f"{seen} {'reste caché' if one else 'restent cachés'}"

    return _SIZED.sub(told, detail)


_REFUSALS = re.compile(r"(\d+) refus : (.*)", re.DOTALL)


def _detail(details: Sequence[str], trials: int) -> str:
    """The detail of several trials: refusals added up, else the first."""
    refusals = [found for detail in details if (found := _REFUSALS.match(detail))]
    if trials == 1 or len(refusals) < len(details):
        return details[0]
    total = sum(int(found[1]) for found in refusals)
    return f"{total} refus en {trials} essais : {refusals[0][2]}"


def other_faults(table: Frame) -> None:
    """Crowds, clock, disk, database, artifacts, server: one row per fault."""
    rest = table[~(table.contexte.str.contains("with") & (table.panne != "disque plein"))]
    rest = rest[rest.panne != "réponse perdue"]
    alike: dict[tuple[str, str], list[Frame]] = {}
    for (fault, store), some in rest.groupby(["panne", "magasin"], sort=False):
        if some.detail.str.startswith("non éprouvé").all():
            page.missing(f"{fault}, {store_label(str(store))} : {some.detail.iloc[0]}")
            continue
        detail = _sized(_detail([d for d in some.detail if d], len(some))) if some.detail.any() else ""  # fmt: skip
        alike.setdefault((str(fault), detail), []).append(some)
    rows: list[dict[str, Any]] = []
    for (fault, detail), parts in alike.items():
        some = pd.concat(parts)
        rows.append(
            {
                "Panne": fault,
                "Magasins": stores(list(some.magasin.unique())),
                "Perdues": out_of(int(some.perdues.sum()), int(some.acquittees.sum())),
                "Sans accusé": int(some.sans_accuse.sum()),
                "Doublons": int(some.doublons.sum()),
                "Attente": fr.duration(float(some.bloque_s.max())) if some.bloque_s.max() > 0 else "–",
                "Détail": code(detail, 90) if detail else "–",
            }
        )  # fmt: skip
    page.finding(_other_losses(rest))
    unseen = {
        "Sans accusé": " Aucune écriture n’est gardée sans que l’écrivain l’ait su.",
        "Doublons": " Aucune n’est gardée deux fois.",
    }
    none = [column for column in unseen if not any(row[column] for row in rows)]
    told = "".join(unseen[column] for column in none)
    if "Sans accusé" not in none:
        told += " Sans accusé : gardées sans que l’écrivain l’ait su."
    if rows:
        page.table(
            grid([{k: v for k, v in row.items() if k not in none} for row in rows]),
            label="tab-pannes",
            title="Les autres pannes",
            caption=f"Perdues : sur les écritures acquittées, s’il y en a. Attente : le plus long appel, quand il dépasse une demi-seconde.{told}",
        )
    waited = rest[rest.panne == "serveur tué, relancé"].bloque_s.max()
    if waited >= 4:  # at least one pause of the client
        page.prose(
            f"Un serveur tué fait attendre un appel jusqu’à {fr.duration(waited)}. Le client recommence aussitôt, puis après 4 s, 8 s, 16 s, "
            "et ainsi de suite en doublant, à une seconde près : il attend encore quand le serveur est revenu."
        )
    clock = rest[rest.panne == "horloge qui recule"]
    if len(clock):
        page.prose(
            f"Quand l’horloge recule d’une seconde à chaque lecture, sous un pas laissé à 0 : {clock.detail.iloc[0]}. "
            "Sans pas explicite, c’est l’horodatage qui désigne le dernier point."
        )
    cut = rest[rest.panne.str.contains("artefact")]
    if len(cut):
        half = int(cut.sans_accuse.sum() + cut.perdues.sum())
        page.prose(
            f"Un artefact dont la copie est coupée n’apparaît jamais à moitié (0 sur {fr.integer(len(cut))}) : MLflow l’écrit sous un nom caché, puis le renomme."
            if half == 0
            else f"Un artefact dont la copie est coupée apparaît à moitié dans {among(half, len(cut), 'essai')}."
        )


def synchronous_faults(table: Frame) -> None:
    """The counts behind the answer: trials, acknowledged and lost writes under each fault."""
    some = under_fault(table)
    if some.empty:
        return
    lost, n = int(some.perdues.sum()), int(some.acquittees.sum())
    words = fr.count(lost, "écriture acquittée est perdue", "écritures acquittées sont perdues")
    page.finding(
        f"Toutes pannes réunies, {words if lost else 'aucune écriture acquittée n’est perdue'} en envoi synchrone ({among(lost, n)})",
        "Une panne est ici ce qui arrête le programme par une erreur ou un signal, ou lui ôte la base, le serveur, le disque "
        f"ou la réponse.{_lost_trials(lost, len(some))} Les fins ordinaires, la foule et l’horloge ne comptent pas.",
    )
    counts = some.groupby("panne", sort=False).agg(
        essais=("panne", "size"), acquittees=("acquittees", "sum"), perdues=("perdues", "sum")
    )
    counts.loc["toutes"] = counts.sum()
    shown = counts.reset_index().set_axis(["Panne", "Essais", "Acquittées", "Perdues"], axis=1)
    page.table(
        shown if lost else shown.drop(columns="Perdues"),
        label="tab-sous-panne",
        title="Écritures acquittées, puis perdues, sous chaque panne, en envoi synchrone"
        if lost
        else "Écritures acquittées sous chaque panne, en envoi synchrone : aucune n’est perdue",
        caption=f"Essais où une écriture au moins est acquittée. Magasins : {stores(list(some.magasin.unique()))}.",
    )


def _lost_trials(lost: int, trials: int) -> str:
    """A bound on the trials that would lose, where none did: writes of one trial are lost together."""
    if lost:
        return ""
    return f" Aucun des {fr.count(trials, 'essai')} n’en perd\u202f: au plus {fr.percent(zero_failure_bound(trials), 2)} en perdraient (borne à 95 %)."


def interruptions(table: Frame) -> None:
    """Writes that Ctrl-C interrupts: what stays locked, what cannot be ended or read."""
    rows: list[dict[str, Any]] = []
    unread: list[str] = []
    unended: list[str] = []
    changed: list[str] = []
    for store, some in table.groupby("magasin", sort=False):
        refused, broken = some.refus != "", some.statut == "illisible"
        other = some.recue != "KeyboardInterrupt"
        for found, cases in ((unread, broken), (unended, refused & ~broken), (changed, other)):
            if cases.any():
                found.append(f"{fr.integer(int(cases.sum()))} fois sur {fr.integer(len(some))} ({store_label(str(store))})")  # fmt: skip
        rows.append(
            {
                "Magasin": store_label(str(store)),
                "Base retenue": share(int(some.verrou.sum()), len(some))
                if store != "file"
                else "–",
                "Fin du run refusée": out_of(int(refused.sum()), len(some)),
                "Expérience illisible": out_of(int(broken.sum()), len(some)),
            }
        )
    clauses = [f"expérience illisible {fr.join(unread)}"] if unread else []
    clauses += [f"fin du run refusée {fr.join(unended)}"] if unended else []
    lines = []
    if changed:
        lines.append(f"L’appelant ne reçoit pas `KeyboardInterrupt`, mais une autre erreur ou rien, {fr.join(changed)} : un `except Exception` autour de l’appel fait alors continuer le programme.")  # fmt: skip
    batches = table[table.ecriture == "log_batch"]
    partial = int(((batches.garde > 0) & (batches.garde < batches.attendus)).sum())
    if partial:
        lines.append(f"Un lot interrompu est gardé en partie dans {among(partial, len(batches), 'essai')} : il n’est pas une transaction.")  # fmt: skip
    page.finding(
        f"Ctrl-C au milieu d’une écriture : {' ; '.join(clauses)}"
        if clauses
        else f"Ctrl-C au milieu d’une écriture n’empêche ni de lire ni de finir (0 sur {fr.integer(len(table))})",
        " ".join(lines),
    )
    page.table(
        grid(rows),
        label="tab-interruptions",
        title="Après un Ctrl-C au milieu d’une écriture",
        caption=f"{fr.count(len(table), 'interruption')} de {fr.join([str(name) for name in table.ecriture.unique()])}. Base retenue : une seconde connexion ne peut écrire (SQLite), ou une transaction reste ouverte (PostgreSQL), tant que l’exception vit. MLflow attend un verrou de SQLite pendant 20 s avant de refuser ; ici, 50 ms.",
    )


def lost_replies(table: Frame) -> None:
    """Operations whose reply is lost after the work was done."""
    some = table[table.panne == "réponse perdue"]
    if some.empty:
        page.missing("Réponse perdue : aucun magasin derrière un serveur n’était demandé.")
        return
    twice = sorted(some[some.doublons > 0].contexte.unique())
    false = sorted(some[some.sans_accuse > 0].contexte.unique())
    fine = sorted(set(some.contexte) - set(twice) - set(false))
    clauses = []
    if twice:
        clauses.append(
            f"{fr.join([f'`{x}`' for x in twice])} {'fait' if len(twice) == 1 else 'font'} le travail deux fois"
        )
    if false:
        clauses.append(
            f"{fr.join([f'`{x}`' for x in false])} {'annonce' if len(false) == 1 else 'annoncent'} un échec alors que tout est fait"
        )
    page.finding(
        "Une réponse perdue : " + ("; ".join(clauses).replace("; ", " ; ") if clauses else "rien n’est fait deux fois"),
        f"Sans dommage : {fr.join([f'`{x}`' for x in fine])}." if fine else "",
    )  # fmt: skip
    harmed = some[some.contexte.isin([*twice, *false])]
    if harmed.empty:
        return
    grouped = harmed.groupby("contexte", sort=False)
    page.table(
        grid(
            [
                {
                    "Opération": code(str(name)),
                    "Faite deux fois": out_of(int((g.doublons > 0).sum()), len(g)),
                    "Faite, annoncée manquée": out_of(int((g.sans_accuse > 0).sum()), len(g)),
                    "Ce que voit l’utilisateur": code(g.detail.iloc[0], 90) if g.detail.iloc[0] else "rien d’anormal",
                }
                for name, g in grouped
            ]
        ),
        label="tab-reponses",
        title="Le travail est fait, la réponse se perd, le client recommence",
        caption="Un mandataire sur la boucle locale laisse passer la requête et jette la première réponse.",
    )  # fmt: skip


def shown(table: Frame, histories: Frame | None = None) -> None:
    """MLflow's own page against what is stored; ``histories``: the table of ``completeness``."""
    if (table.quoi == "non éprouvée").all():
        page.missing(f"La page de MLflow n’a pas été ouverte : {table.detail.iloc[0]}.")
        return
    details = table[table.quoi == "nombre, détail d’un run"]
    listed_numbers = table[table.quoi == "nombre, tableau des runs"]
    drawn = table[table.quoi == "points d’un graphique"].iloc[0]
    peak = table[table.quoi == "pic d’un graphique"].iloc[0]
    listed = table[table.quoi == "runs d’une expérience"].iloc[0]
    whole = drawn.montre >= drawn.stocke
    title = (
        "Le graphique de la page dessine tous les points"
        if whole
        else f"Le graphique de la page dessine {fr.integer(int(drawn.montre))} points sur {fr.integer(int(drawn.stocke))}"
        + (", sans le dire" if drawn.detail == "sans avertissement" else "")
    )
    limit = None if histories is None else _interval_limit(histories[histories.objet == "points"])
    asked = (
        f"Le point d’accès des graphiques rend jusqu’à {fr.integer(limit)} points par run\u202f; la page n’en demande que {fr.integer(int(drawn.montre))} par courbe. "
        if limit is not None and drawn.montre < min(limit, drawn.stocke)
        else ""
    )
    text = asked + (
        f"Le tableau des runs montre exactement {among(int(listed_numbers.egal.astype(bool).sum()), len(listed_numbers), 'nombre')}, "
        f"le détail d’un run {among(int(details.egal.astype(bool).sum()), len(details))}. "
        + (
            "Un pic isolé de la courbe y est. "
            if peak.egal
            else f"Un pic isolé de {fr.number(peak.stocke)} n’y est pas : le plus haut point dessiné vaut {fr.number(peak.montre)}. "
        )
        + (
            "L’expérience où un pas vient de NumPy reste lisible."
            if listed.egal
            else f"Dans l’expérience où un seul run a un pas venu de NumPy, la page montre {fr.integer(int(listed.montre))} run sur {fr.integer(int(listed.stocke))} ({listed.detail})."
        )
    )
    page.finding(title, text)
    numbers = table[table.quoi.str.startswith("nombre")]
    places = list(numbers.quoi.unique())
    rows = []
    for _, group in numbers.groupby("objet", sort=False):
        row: dict[str, Any] = {"Stocké": code(repr(float(group.stocke.iloc[0])))}
        for place in places:
            shown_here = group[group.quoi == place]
            texts = list(dict.fromkeys(shown_here.detail))
            row[place.removeprefix("nombre, ").capitalize()] = (
                "le même" if shown_here.egal.astype(bool).all() else code(" ; ".join(texts))
            )
        rows.append(row)
    page.table(
        grid(rows),
        label="tab-page",
        title="Les nombres que montre la page",
        caption="Lus dans un navigateur sans écran, sur un serveur réel ; le même : le texte montré se relit comme le nombre stocké, dans chaque run.",
    )


def causes(table: Frame) -> None:
    """Defects, their place in MLflow's source, what is known upstream, what to do."""
    page.table(
        grid(
            {
                "Défaut": table.defaut.map(powers),
                "Cause, dans le paquet installé": [
                    code(f"{f}:{n}") if n else "fragment disparu" for f, n in zip(table.fichier, table.ligne, strict=True)
                ],
                "Connu de MLflow ?": table.connu,
                "Parade": table.parade,
            }
        ),
        label="tab-causes",
        title="D’où vient chaque défaut, et comment s’en garder",
        caption="Les lignes sont retrouvées dans le paquet installé au moment de l’exécution. « Aucun fil trouvé » : notre recherche dans les fils publics de mlflow/mlflow n’a rien donné.",
    )  # fmt: skip


def witnesses(verdicts: Sequence[Verdict]) -> None:
    """The witness of each claim that does not hold."""
    for verdict in verdicts:
        if verdict.verdict in ("réfutée", "nuancée") and verdict.temoin:
            page.witness(verdict.temoin, title=f"Témoin de {verdict.id}.", shows=verdict.enonce)


def _solidity(kpis: Mapping[str, Kpi]) -> str:
    """Whether synchronous writes outlived every fault that was tried."""
    pooled = kpis.get("suivi.pannes.synchrone.perdues")
    if pooled is None or not pooled.n:
        return "La tenue aux pannes n’a pas été éprouvée dans cette exécution."
    lost, trials = int(pooled.valeur or 0), int(pooled.conditions["essais"])
    where = stores(str(pooled.conditions["magasins"]).split(", "))
    tried = f"{fr.count(trials, 'essai')}, dans {where}"
    if lost == 0:
        bound = fr.percent(zero_failure_bound(trials), 2)
        said = f"En envoi synchrone, aucune des {fr.count(pooled.n, 'écriture acquittée', 'écritures acquittées')} sous une panne n’est perdue ({tried}\u202f; au plus {bound} des essais en perdraient, borne à 95 %)."
    else:
        words = fr.count(lost, "écriture acquittée sous une panne est perdue", "écritures acquittées sous une panne sont perdues")  # fmt: skip
        said = f"Même en envoi synchrone, {words}, sur {fr.integer(pooled.n)} ({tried})."
    unreadable = kpis.get("suivi.interruption.illisible.file")
    if unreadable is not None and unreadable.valeur:
        said += f" Dans le magasin de fichiers, un Ctrl-C peut rendre l’expérience illisible ({among(int(unreadable.valeur), unreadable.n or 0)} écritures interrompues)."
    return said


def _fidelity(kpis: Mapping[str, Kpi]) -> list[str]:
    """Which ordinary inputs always came back as they were given, and which did not."""
    ordinary = [k for i, k in kpis.items() if i.startswith("suivi.ordinaire.") and k.n]
    sentences = []
    for kept in (True, False):
        some = [k for k in ordinary if (not k.valeur) is kept]
        if not some:
            continue
        named = fr.join([f"les {k.conditions['entrees']}" for k in some])
        wrong, n = sum(int(k.valeur or 0) for k in some), sum(k.n or 0 for k in some)
        said = "reviennent à l’identique dans chaque magasin éprouvé" if kept else "ne reviennent pas toujours à l’identique"  # fmt: skip
        sentences.append(f"{named[0].upper()}{named[1:]} {said} ({among(wrong, n, 'écart')} cas).")
    return sentences


def _harm(kpis: Mapping[str, Kpi]) -> str:
    """Whether other inputs were altered in silence, or harmed what was already stored."""
    found = {
        kind: [float(k.valeur or 0) for i, k in kpis.items() if i.startswith(f"suivi.allerretour.{kind}.")]
        for kind in ("en-silence", "nuisible")
    }  # fmt: skip
    if not any(found.values()):
        return ""
    altered, harmful = any(found["en-silence"]), any(found["nuisible"])
    if altered and harmful:
        return "D’autres entrées, acceptées sans un mot, sont altérées, et certaines rendent illisible ce qui était déjà là."
    if altered:
        return "D’autres entrées, acceptées sans un mot, sont altérées."
    if harmful:
        return "D’autres entrées rendent illisible ce qui était déjà là."
    return "Aucune entrée tirée n’est altérée en silence ni ne nuit à ce qui était déjà là."


def _worst(kpis: Mapping[str, Kpi], prefix: str, suffix: str = "") -> tuple[Kpi, str] | None:
    """The KPI of the store where this share is the largest, and the words for that store."""
    own = {
        i.removeprefix(prefix).removesuffix(suffix): k
        for i, k in kpis.items()
        if i.startswith(prefix) and i.endswith(suffix) and k.valeur is not None
    }
    if not own:
        return None
    store = max(own, key=lambda name: float(own[name].valeur or 0))
    label = store_label(store)
    return own[store], label if len(own) == 1 else f"pire magasin ({label})"


def _hits(kpi: Kpi) -> int:
    """The count behind a share."""
    return round(float(kpi.valeur or 0) * (kpi.n or 0))


def _figures(kpis: Mapping[str, Kpi]) -> list[str]:
    """The figures that carry the answer."""
    told = []
    same = [float(k.valeur or 0) for i, k in kpis.items() if i.startswith("suivi.allerretour.identique.")]  # fmt: skip
    if same:
        told.append(f"Entrées tirées, qui visent les bords, rendues à l’identique : {fr.percent(min(same))} à {fr.percent(max(same))} selon le magasin.")  # fmt: skip
    if worst := _worst(kpis, "suivi.allerretour.nuisible."):
        told.append(f"Entrées qui nuisent à ce qui était stocké, {worst[1]} : {fr.kpi(worst[0])}.")
    if lost := _worst(kpis, "suivi.panne.perdues.", "+asynchrone"):
        kpi, where = lost
        store = kpi.id.removeprefix("suivi.panne.perdues.").removesuffix("+asynchrone")
        closed = kpis.get(f"suivi.sortie.perdues.{store}+asynchrone")
        told.append(
            f"Écritures asynchrones mises en file puis perdues, {where} : "
            + (
                f"{among(_hits(closed), closed.n or 0)} quand Python finit ses fonctions de sortie, "
                if closed
                else ""
            )
            + f"{among(_hits(kpi), kpi.n or 0)} en comptant SIGTERM et SIGKILL ({fr.count(int(kpi.conditions['fins']), 'fin')})."
        )
    drawn = kpis.get("suivi.page.points")
    if drawn is not None and drawn.n:
        told.append(f"Points d’une courbe que dessine le graphique de MLflow : {among(_hits(drawn), drawn.n)}.")  # fmt: skip
    return told


def _surprise(kpis: Mapping[str, Kpi]) -> str:
    parts = (_best_of_all(kpis), _poison(kpis), _strayed(kpis), _misplaced(kpis))
    return " ".join(told for told in parts if told)


def _best_of_all(kpis: Mapping[str, Kpi]) -> str:
    """A diverged model, read back as perfect."""
    ranked = kpis.get("suivi.modele-nan.premier.sqlite")
    altered = kpis.get("suivi.modele-nan.altere.sqlite")
    if ranked is None or altered is None or not (ranked.valeur and altered.valeur):
        return ""
    return "Avec SQLite, le magasin par défaut, un modèle dont la perte a divergé (NaN) est rendu avec une perte de 0 : classé par elle, il passe devant les bons."


def _poison(kpis: Mapping[str, Kpi]) -> str:
    """A step that makes a whole experiment unreadable."""
    poisoned = kpis.get("suivi.page.empoisonnee")
    numpy_step = kpis.get("suivi.pas-numpy.faux.sqlite")
    if poisoned is not None and poisoned.valeur:
        return "Avec SQLite, un seul pas venu de NumPy (`for pas in np.arange(…)`) rend toute l’expérience illisible dans la page de MLflow."
    if numpy_step is not None and numpy_step.valeur:
        return "Avec SQLite, un pas venu de NumPy est gardé comme une suite d’octets."
    return ""


def _strayed(kpis: Mapping[str, Kpi]) -> str:
    """Data of a client that land in the store of its process."""
    if any(k.valeur for i, k in kpis.items() if i.startswith("suivi.adresse.ailleurs.")):
        return "Un client ouvert sur un magasin envoie ses traces dans celui du processus, jusque dans une expérience de même numéro qui n’est pas la sienne."
    return ""


def _misplaced(kpis: Mapping[str, Kpi]) -> str:
    """Runs of a process that asked for an experiment just as another made it."""
    if any(k.valeur for i, k in kpis.items() if i.startswith("suivi.experience.egares.")):
        return "De deux processus qui ouvrent ensemble une expérience neuve par `set_experiment`, l’un peut écrire ses runs dans une autre, sans un mot."
    return ""


def brief(bref: Any, kpis: Mapping[str, Kpi], verdicts: Sequence[Verdict]) -> Any:
    """Fill «En bref» from this run's KPIs and verdicts; returns the answer for ``close``."""
    counts = pd.Series([v.verdict for v in verdicts]).value_counts()
    told = fr.join([f"{fr.integer(int(n))} {word}{'s' if n > 1 and word != 'non éprouvée' else ''}" for word, n in counts.items()])  # fmt: skip
    judged = f"Des {fr.count(len(verdicts), 'affirmation éprouvée', 'affirmations éprouvées')} : {told}."  # fmt: skip
    answer = [_solidity(kpis), *_fidelity(kpis), _harm(kpis), judged]
    return bref.fill(
        question="Ce que MLflow rend est-il ce qui lui a été donné, tout ce qui lui a été donné, même après une panne ?",
        answer=" ".join(sentence for sentence in answer if sentence),
        figures=_figures(kpis),
        surprise=_surprise(kpis),
    )
