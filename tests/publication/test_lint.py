"""Each rule of the page, broken on purpose."""

from __future__ import annotations

import pytest

from mlflow_study.publication.lint import violations, weight

GOOD = (
    '<!DOCTYPE html><html lang="fr"><head><title>t</title></head><body><h1>Titre</h1>'
    '<section id="s"><h2>Partie</h2>{}</section></body></html>'
)


def found(body: str) -> str:
    return "\n".join(violations(GOOD.format(body)))


def test_a_good_page_has_none() -> None:
    good = (
        "<p>Cinq mesures\u202f; 12,3\u00a0% à 4\u00a0ms, MLflow 3.7 et l’alias «\u00a0champion\u00a0».</p>"
        "<p><code>a ; b ? 0.5 nan True /home/x</code></p>".replace(" /home/x", "")
    )
    assert found(good) == ""


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("<p>un ; deux</p>", "devant ; ! ou ?"),
        ("<p>quoi?</p>", "pas d’espace fine"),
        ("<p>ceci : cela</p>", "espace ordinaire devant :"),
        ("<p>« mot »</p>", "guillemets"),
        ("<p>12 %</p>", "devant %"),
        ("<p>12%</p>", "devant %"),
        ("<p>l'étude</p>", "apostrophe droite"),
        ("<p>environ 0.5</p>", "point décimal"),
        ("<p>3.25\u00a0ms</p>", "point décimal"),
        ("<p>3 ms</p>", "devant une unité"),
        ("<td>nan</td>", "valeur brute"),
        ("<p>None</p>", "valeur brute"),
        ("<p>The result is not clear</p>", "anglais"),
        ("<p>/root/projet/x</p>", "chemin de la machine"),
        ("<pre>UserWarning: x</pre>", "avertissement"),
        ("<p>voir [@fig-x]</p>", "renvoi non résolu"),
        ("<p>**gras**</p>", "Markdown non rendu"),
        ("<h4>bas</h4>", "saute un niveau"),
        ("<h1>encore</h1>", "premier niveau"),
        ('<p id="s">x</p>', "apparaît 2 fois"),
        ('<a href="#rien">x</a>', "nulle part"),
        ('<a href="#s"></a>', "pas de texte"),
        ('<a href="file:///x">x</a>', "fichier de la machine"),
        ('<script src="https://cdn.x/a.js"></script>', "demande"),
        ('<link rel="stylesheet" href="style.css">', "demande"),
        ("<style>a{background:url(x.png)}</style>", "demande une ressource"),
        ('<img src="data:," alt="">', "texte de remplacement"),
        ('<img src="data:," alt="figure 3">', "texte de remplacement"),
        ('<figure class="figure" id="f"></figure>', "sans légende"),
        ('<div class="tableau"><table><tr><td>x</td></tr></table></div>', "tableau sans légende"),
        ("<table><tr><th>x</th></tr></table>", "scope"),
        ('<table border="1"><tr><td>x</td></tr></table>', "attribut de présentation"),
        ('<div class="bref attente"><p>x</p></div>', "n’a pas été rempli"),
    ],
)
def test_each_rule_catches_its_fault(body: str, rule: str) -> None:
    assert rule in found(body)


def test_the_language_and_the_doctype_are_required() -> None:
    assert any(
        "langue" in line for line in violations(GOOD.replace('lang="fr"', 'lang="en"').format(""))
    )
    assert any(
        "doctype" in line for line in violations(GOOD.replace("<!DOCTYPE html>", "").format(""))
    )


def test_weight() -> None:
    assert weight(GOOD.format("<p>x</p>")) == []
    (fault,) = weight(
        GOOD.format(f'<main><section id="lourde">{"<p>x</p>" * 8000}</section></main>')
    )
    assert "éléments" in fault
    assert "lourde 8\u202f000" in fault
    (fault,) = weight(GOOD.format(f"<pre>{'x' * 3_000_001}</pre>"))
    assert "pèse" in fault


def test_a_message_of_a_program_may_be_english() -> None:
    assert found("<td>ValueError\u00a0: the array was not read from the file</td>") == ""
