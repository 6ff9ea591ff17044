"""A small edition with every kind of display, really executed, for tests of the page.

The figures in it are drawn from a seed and mean nothing; only their form is tested.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mlflow_study.evidence.files import write_json, write_records
from mlflow_study.evidence.records import Context, Kpi, Source, Verdict
from mlflow_study.paths import Build

WITNESS = 'import math\n\n# un témoin\nprint("valeur", math.nan)'

_CHAPTER = [
    new_markdown_cell(
        "# Le stockage\n\nQuelles données d'expérience MLflow garde-t-il, et où ? Le texte suit "
        "[@zaharia2018] ; voir la note[^compte].\n\n[^compte]: Une note de bas de page."
    ),
    new_code_cell("graine: int = 7  # graine (un entier)", metadata={"tags": ["parameters"]}),
    new_code_cell(
        "import matplotlib\nimport numpy as np\nimport pandas as pd\n"
        "from mlflow_study.presentation import numbers as fr, page\n"
        "from mlflow_study.presentation.figures import end_labels, format_axis, new, store_colour, store_label\n"
        "bref = page.brief()"
    ),
    new_markdown_cell("## Ce que MLflow affirme"),
    new_code_cell(
        "from pathlib import Path\nimport json, os\n"
        "from mlflow_study.evidence.records import Verdict\n"
        "verdicts = [Verdict.model_validate(v) for v in json.loads(os.environ['VERDICTS'])]\n"
        "page.claims(verdicts)"
    ),
    new_markdown_cell(
        "## Comment c'est fait\n\nUn magasin de suivi et un magasin d'artefacts : `mlruns` et "
        "`mlartifacts`.\n\n- un point ;\n- deux points.\n\n| Nature | Lieu |\n|---|---|\n| run | table `runs` |\n"
    ),
    new_markdown_cell("## Résultats"),
    new_code_cell(
        "rng = np.random.default_rng(graine)\n"
        "page.finding('SQLite répond plus vite que les fichiers', "
        "'Il lui faut ' + fr.measured(0.0196, 's', (0.0181, 0.021), 300) + ' : voir [@fig-acces] et [@tab-acces].')\n"
        "fig, ax = new()\nends = []\n"
        "for rank, store in enumerate(['file', 'sqlite', 'postgresql', 'http+sqlite', 'http+postgresql', 'mariadb', 'uri']):\n"
        "    x = np.logspace(1, 5, 12)\n"
        "    y = 1e-4 * (rank + 1) * x ** 0.5 * rng.uniform(0.8, 1.2, 12)\n"
        "    ax.loglog(x, y, 'o-', color=store_colour(store))\n"
        "    ends.append((store_label(store), x[-1], y[-1], store_colour(store)))\n"
        "end_labels(ax, ends)\nformat_axis(ax.yaxis, 's')\n"
        "ax.set_xlabel('points de métrique (échelle logarithmique)')\n"
        "ax.set_ylabel('temps de lecture (échelle logarithmique)')\n"
        "page.figure(fig, label='fig-acces', title='Le temps croît comme la racine du nombre de points', "
        "caption='Médiane de 12 mesures par point ; les sept systèmes.', "
        "alt='Sept courbes montent ensemble de quelques millisecondes à une fraction de seconde ; les fichiers restent en bas.')\n"
        "page.table(pd.DataFrame({'Magasin': ['SQLite', 'fichiers'], 'Médiane': [0.0196, None], 'n': [300, 12], 'Note': ['`runs`', 'd\\'après le disque']}), "
        "label='tab-acces', title='Temps d\\'accès par magasin', caption='Médiane et effectif.', formats={'Médiane': fr.duration})\n"
        "page.table(pd.DataFrame({f'colonne {i}': range(2) for i in range(9)}), label='tab-large', title='Neuf colonnes retournées')\n"
        "page.table(pd.DataFrame({f'colonne {i}': range(9) for i in range(9)}), label='tab-grand', title='Neuf colonnes et neuf lignes')"
    ),
    new_code_cell(
        f"page.witness({WITNESS!r}, title='Une valeur non définie.', shows='Elle s\\'affiche telle quelle.')\n"
        "page.missing('MariaDB : aucun serveur sur cette machine.')\n"
        "page.prose('Cette phrase cite [@T1] et `code ; brut`.')\n"
        "print('une ligne de sortie')"
    ),
    new_code_cell("page.claims(verdicts)"),
    new_code_cell(
        "reponse = bref.fill(question='Où MLflow range-t-il les expériences ?', "
        "answer='Dans une base SQLite ; les artefacts restent des fichiers.', "
        "figures=[fr.measured(0.0196, 's', (0.0181, 0.021), 300) + ' par lecture'], "
        "surprise='Rien ne se perd ici.')\n"
        "assert reponse['surprise'] == 'Rien ne se perd ici.'"
    ),
]
_SYNTHESIS = [
    new_markdown_cell("# La synthèse"),
    new_code_cell("from mlflow_study.presentation import page\nbref = page.brief()"),
    new_markdown_cell("## Ce que l'ensemble montre\n\nTout est calculé ; voir le [@stockage]."),
    new_code_cell(
        "bref.fill(question='MLflow tient-il ce qu\\'il affirme ?', answer='En partie : **une** affirmation sur quatre est confirmée.')"
    ),
]

_SOURCE = Source(
    titre="Documentation de MLflow", lien="https://mlflow.org/docs/latest/", lu=date(2026, 11, 24)
)
_FILE = Source(
    titre="code installé",
    lien="mlflow/store/db/utils.py:12",
    passage="every value is kept",
    lu=date(2026, 11, 24),
)


def verdicts() -> list[Verdict]:
    """One claim for each judgement."""
    kinds = ("confirmée", "nuancée", "réfutée", "indéterminée", "non éprouvée")
    return [
        Verdict(
            id=f"T{rank}",
            domaine="stockage",
            enonce=f"Le magasin garde chaque valeur, cas n° {rank}",
            source=_FILE if rank == 2 else _SOURCE,
            critere="aucune valeur altérée sur les cas tirés",
            verdict=kind,
            motif="vérifiée : SQLite" if rank < 5 else "aucune mesure dans cette exécution",
            preuves=[] if rank == 5 else ["stockage.acces.lecture.sqlite"],
            temoin={2: 'print("autre témoin")', 3: WITNESS + "\n"}.get(rank),
            chapitre="01_stockage",
            conseil="Relire ce qui est écrit.",
            attente=rank == 3,
        )
        for rank, kind in enumerate(kinds, 1)
    ]


def kpis() -> list[Kpi]:
    """A time with its interval, a rate, and one that could not be measured."""
    common = {"chapitre": "01_stockage", "methode": "médiane, statistique d'ordre"}
    return [
        Kpi(
            id="stockage.acces.lecture.sqlite",
            libelle="lecture d'un run, SQLite",
            valeur=0.0196,
            unite="s",
            intervalle=(0.0181, 0.021),
            n=300,
            **common,
        ),
        Kpi(
            id="stockage.acces.silencieuse.file",
            libelle="valeurs altérées en silence, fichiers",
            valeur=0.0,
            unite="proportion",
            intervalle=(0.0, 0.0038),
            n=1000,
            **common,
        ),
        Kpi(
            id="stockage.acces.lecture.mariadb",
            libelle="lecture d'un run, MariaDB",
            valeur=None,
            unite="s",
            conditions={"motif": "aucun serveur"},
            **common,
        ),
    ]


def context() -> Context:
    """A machine that does not exist."""
    return Context(
        mlflow="3.17.2",
        python="3.11.2",
        versions={"mlflow": "3.17.2", "numpy": "2.3.5"},
        machine={
            "systeme": "Linux",
            "noyau": "6.1",
            "architecture": "x86_64",
            "processeur": "Processeur d'essai",
            "coeurs": 2,
            "memoire_octets": 8_000_000_000,
            "python": "3.11.2",
        },
        commit="0123456789abcdef0123456789abcdef01234567",
        depot_modifie=False,
        profil="rapide",
        parametres={"01_stockage": {"graine": 7}},
        graine=7,
        debut="2026-11-24T21:05:00+00:00",
        fin="2026-11-24T21:08:00+00:00",
    )


def _execute(path: Path, cells: list[nbformat.NotebookNode]) -> None:
    notebook = new_notebook(cells=[nbformat.from_dict(dict(cell)) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def make(folder: Path) -> Build:
    """Execute the notebooks and write the evidence of a synthetic build in ``folder``."""
    import json
    import os

    build = Build(folder)
    write_records(build.evidence / "kpi.json", kpis())
    write_records(build.evidence / "verdicts.json", verdicts())
    write_json(build.evidence / "contexte.json", context().model_dump(mode="json"))
    os.environ["VERDICTS"] = json.dumps([v.model_dump(mode="json") for v in verdicts()])
    try:
        _execute(build.notebooks / "01_stockage.ipynb", _CHAPTER)
        _execute(build.notebooks / "06_synthese.ipynb", _SYNTHESIS)
    finally:
        del os.environ["VERDICTS"]
    return build
