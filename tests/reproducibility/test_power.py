"""What the equivalence test can show, and the sentence that tells it."""

import pytest

from mlflow_study.evidence.records import Kpi
from mlflow_study.evidence.statistics import wilson
from mlflow_study.presentation import reproducibility as tell
from mlflow_study.reproducibility.power import TRUE_GAPS, measure_power


def test_more_repetitions_show_more_and_a_great_difference_is_never_missed():
    few, many = (measure_power(n, 200, 1).set_index("ecart")["equivalents"] for n in (2, 20))
    assert list(few.index) == list(TRUE_GAPS)
    assert few[0.0] < many[0.0]
    assert many[0.0] > 190
    assert many[6.0] == 0
    assert few[6.0] <= few[0.0]


def kpis(same, edge, far, n=1000):
    return {
        f"reproductibilite.equivalence.ecart_{gap}": Kpi(
            id=f"reproductibilite.equivalence.ecart_{gap}",
            chapitre="03_reproductibilite",
            libelle="",
            valeur=hits / n,
            unite="proportion",
            intervalle=wilson(hits, n),
            n=n,
            methode="m",
        )
        for gap, hits in ((0, same), (3, edge), (6, far))
    }


@pytest.mark.parametrize(
    ("same", "edge", "said"),
    [
        (990, 50, ["presque toujours deux programmes semblables.", "sans écart montré"]),
        (990, 120, ["presque toujours", "au-delà des 5", "échelon indulgent"]),
        (900, 120, ["manque parfois", "échelon indulgent"]),
        (900, 50, ["manque parfois", "borne basse"]),
        (300, 10, ["trop faible", "en deçà", "borne basse"]),
    ],
)
def test_the_sentence_follows_the_figures(same, edge, said):
    text = tell.power_sentence(kpis(same, edge, 0), 5)
    assert all(words in text for words in said), text
