# The study as a DAG: notebook -> evidence -> synthesis -> report.
#
# Called by `./run_all.sh` with --directory build/<profil>, where `reglages.json` holds the
# checked parameters.  Each job is our own entry point (Papermill inside), never
# Snakemake's notebook directive: it writes whole files or none, and keeps a failed
# notebook aside.  Every chapter times something: while it measures it takes every core,
# so that nothing runs beside it.
import json
import sys
from pathlib import Path

from mlflow_study.chapters import chapter_info
from mlflow_study.publication.build import FORMATS
from mlflow_study.sources import notebook_sources, publication_sources
from mlflow_study.paths import LOCK, NOTEBOOKS, REGISTER, ROOT
from mlflow_study.surroundings import surroundings

REGLAGES = json.loads(Path("reglages.json").read_text(encoding="utf-8"))
CHAPITRES = REGLAGES["chapitres"]
MESURES = [nom for nom in CHAPITRES if not chapter_info(nom).synthesis]
SYNTHESES = [nom for nom in CHAPITRES if chapter_info(nom).synthesis]
AUTRES = {nom: FORMATS[nom] for nom in REGLAGES["formats"]}
COMMANDE = f'"{sys.executable}" -m mlflow_study'

# What the outcome of a chapter depends on beside its sources: a change runs it again.
def reglages(nom):
    donnes = REGLAGES["parametres"][nom]
    return json.dumps(
        [donnes, REGLAGES["preuves"], REGLAGES["uri"], REGLAGES["profil"], surroundings(donnes)],
        sort_keys=True,
    )


rule tout:
    message: "L'étude entière : rapport et magasin d'étude"
    input:
        "rapport.html",
        "etude.json",
        list(AUTRES.values()),


for nom in MESURES:

    rule:
        name: nom
        message: f"Carnet {nom}"
        input:
            notebook=str(NOTEBOOKS / f"{nom}.ipynb"),
            sources=notebook_sources(nom),
            lock=str(LOCK),
            affirmations=str(REGISTER),
        output:
            notebook=f"notebooks/{nom}.ipynb",
            kpi=f"preuves/{nom}/kpi.json",
            chapitre=f"preuves/{nom}/chapitre.json",
        params:
            nom=nom,
            reglages=reglages(nom),
        threads: 1 if REGLAGES["preuves"] else workflow.cores
        priority: 100 - chapter_info(nom).number  # in the order of the book
        log:
            f"journaux/{nom}.log",
        shell:
            COMMANDE + " executer {params.nom} > {log:q} 2>&1"


for nom in SYNTHESES:

    rule:
        name: nom
        message: f"Carnet {nom}"
        input:
            notebook=str(NOTEBOOKS / f"{nom}.ipynb"),
            sources=notebook_sources(nom),
            affirmations=str(REGISTER),
            kpi=expand("preuves/{chapitre}/kpi.json", chapitre=MESURES),
        output:
            notebook=f"notebooks/{nom}.ipynb",
            kpi="preuves/kpi.json",
            verdicts="preuves/verdicts.json",
            contexte="preuves/contexte.json",
        params:
            nom=nom,
            reglages=json.dumps([reglages(autre) for autre in CHAPITRES]),
        log:
            f"journaux/{nom}.log",
        shell:
            COMMANDE + " executer {params.nom} > {log:q} 2>&1"


rule rapport:
    message: "Assemblage du rapport"
    input:
        notebooks=expand("notebooks/{chapitre}.ipynb", chapitre=CHAPITRES),
        verdicts="preuves/verdicts.json",
        sources=publication_sources(),
    output:
        rapport="rapport.html",
    log:
        "journaux/rapport.log",
    shell:
        COMMANDE + " publier > {log:q} 2>&1"


# Each format is a rule of its own: one that fails takes nothing of the report with it.
for nom, fichier in AUTRES.items():

    rule:
        name: nom
        message: f"Format {nom}"
        input:
            "rapport.html",
            [f for autre, f in AUTRES.items() if nom == "crate" and autre != "crate"],
        output:
            fichier,
        params:
            nom=nom,
        log:
            f"journaux/{nom}.log",
        shell:
            COMMANDE + " publier {params.nom} > {log:q} 2>&1"


rule etude:
    message: "L'étude suivie par MLflow lui-même"
    input:
        notebooks=expand("notebooks/{chapitre}.ipynb", chapitre=CHAPITRES),
        verdicts="preuves/verdicts.json",
    output:
        "etude.json",
    params:
        suivi=REGLAGES["suivi"],
    log:
        "journaux/etude.log",
    shell:
        COMMANDE + " suivre > {log:q} 2>&1"
