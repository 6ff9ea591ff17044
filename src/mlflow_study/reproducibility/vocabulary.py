"""The French words of this chapter, shared by its KPIs and its pages."""

from __future__ import annotations

RUNGS = (
    "rien à relancer",
    "tourne",
    "même conclusion",
    "même à une tolérance",
    "métriques identiques au bit",
    "prédictions identiques au bit",
)
"""From worst to best; the index is the rung."""

RECORDINGS = ("autolog", "tutoriel", "soin", "projet", "modele")
RECORDING_LABELS = {
    "autolog": "enregistrement automatique",
    "tutoriel": "à la main, comme un tutoriel",
    "soin": "à la main, avec soin",
    "projet": "projet MLflow",
    "modele": "modèle avec code et données",
    "carnet": "sans MLflow (cahier de laboratoire)",
}
RUNG_KEYS = {1: "tourne", 2: "conclusion", 3: "tolerance", 4: "metriques", 5: "predictions"}
RUNG_LABELS = {
    1: "le programme tourne de nouveau",
    2: "même conclusion",
    3: "mêmes métriques à 1e-6 près",
    4: "métriques identiques au bit",
    5: "prédictions identiques au bit",
}

VARIABLE_LABELS = {
    "hyperparamètres choisis": "tous les hyperparamètres choisis",
    "données ou chemin qui y mène": "données jointes, ou leur adresse",
}
"""Variables of the record whose recorded name does not say enough: how a page names them."""

DIGEST_LABELS = {
    "nombres_et_textes": "nombres, textes, catégories, avant la 10 000e ligne",
    "dates_booleens_textes_a_trous": "dates, booléens, textes à trous",
    "au_dela_de_10000": "données de plus de 10 000 lignes ou éléments",
    "contenu_inchange": "contenu inchangé",
}

TIME_STAGES = {
    "environnement": "l’environnement se résout et s’installe",
    "importer": "MLflow s’importe",
    "ouvrir": "le magasin s’ouvre",
    "charger lineaire": "le modèle linéaire se charge",
    "charger foret": "la forêt se charge",
    "métriques identiques": "métriques identiques au bit",
    "executer": "l’expérience tourne et MLflow l’enregistre de nouveau",
}
REGIMES = {
    "jour": "versions d’époque",
    "actuel": "versions d’aujourd’hui",
    "present": "MLflow d’aujourd’hui",
    "migre": "MLflow d’aujourd’hui, base migrée",
}
STAGE_SHORT = {
    "environnement": "environnement",
    "importer": "import",
    "ouvrir": "magasin",
    "charger lineaire": "modèle linéaire",
    "charger foret": "forêt",
    "métriques identiques": "métriques au bit",
    "executer": "enregistrement",
}
