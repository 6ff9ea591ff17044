"""Tables: caption, scopes, alignment, missing values, widths."""

from __future__ import annotations

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from mlflow_study.presentation import numbers as fr
from mlflow_study.presentation import tables


def table(df: pd.DataFrame, **options: object) -> BeautifulSoup:
    html = tables.render(df, label="tab-x", title="Titre", **options)  # type: ignore[arg-type]
    return BeautifulSoup(html, "html.parser")


def test_headers_have_scopes_and_numbers_are_aligned() -> None:
    soup = table(pd.DataFrame({"Nom": ["a", "b"], "Temps": [0.0196, 2.0], "Vrai": [True, False]}))
    assert [th["scope"] for th in soup.select("thead th")] == ["col"] * 3
    assert [th.get_text() for th in soup.select('tbody th[scope="row"]')] == ["a", "b"]
    assert [td.get_text() for td in soup.select("td.num")] == ["0,0196", "2"]
    assert [td.get_text() for td in soup.select("td:not(.num)")] == ["oui", "non"]
    assert soup.caption is not None
    assert soup.caption["id"] == soup.select_one(".defile")["aria-labelledby"]  # type: ignore[index]


def test_missing_values_are_shown_and_explained() -> None:
    soup = table(pd.DataFrame({"Nom": ["a", None], "n": [1.0, float("nan")]}))
    assert [cell.get_text() for cell in soup.select("tbody tr:last-child > *")] == ["–", "–"]
    assert "sans valeur" in soup.select_one("caption").get_text()  # type: ignore[union-attr]
    assert "nan" not in str(soup).lower()


def test_a_caption_that_explains_the_dash_is_left_as_it_is() -> None:
    soup = table(pd.DataFrame({"a": ["x"], "n": [None]}), caption="«\u00a0–\u00a0» : non mesuré.")
    assert "sans valeur" not in soup.select_one("caption").get_text()  # type: ignore[union-attr]


def test_a_cell_of_code_alone_is_one_element() -> None:
    soup = table(pd.DataFrame({"Table": ["`runs`"], "Note": ["voir `runs`"]}))
    assert [cell.get_text() for cell in soup.select(".mono")] == ["runs"]
    assert [code.get_text() for code in soup.select("code")] == ["runs"]


def test_formats_and_row_header() -> None:
    df = pd.DataFrame({"t": [0.5, 0.25], "Magasin": ["x", "y"]})
    soup = table(df, formats={"t": fr.duration}, row_header="Magasin")
    assert [th.get_text() for th in soup.select("tbody th")] == ["x", "y"]
    assert [td.get_text() for td in soup.select("td")] == ["500\u00a0ms", "250\u00a0ms"]


def test_cells_are_escaped_except_markup_and_code() -> None:
    df = pd.DataFrame(
        {"a": ["<b>x</b> & `<c>`"], "b": [tables.Markup('<a href="#x">y</a>')]}, dtype=object
    )
    soup = table(df)
    assert soup.b is None
    assert soup.th is not None
    assert soup.select_one("tbody th").get_text() == "<b>x</b> & <c>"  # type: ignore[union-attr]
    assert soup.select_one("tbody th code").get_text() == "<c>"  # type: ignore[union-attr]
    assert soup.select_one('td a[href="#x"]') is not None


def test_more_than_seven_columns_are_turned_when_rows_are_few() -> None:
    wide = pd.DataFrame({f"c{i}": [i, i] for i in range(9)})
    soup = table(wide)
    assert len(soup.select("thead th")) == 3
    assert [th.get_text() for th in soup.select("tbody th")] == [f"c{i}" for i in range(1, 9)]
    tall = pd.DataFrame({f"c{i}": range(9) for i in range(9)})
    soup = table(tall)
    assert len(soup.select("thead th")) == 9
    assert soup.select_one(".defile")["tabindex"] == "0"  # type: ignore[index]


@pytest.mark.parametrize(
    "df",
    [
        pd.DataFrame({"a": []}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
    ],
)
def test_a_table_that_says_nothing_is_refused(df: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="tab-x"):
        table(df)


def test_an_empty_title_is_refused() -> None:
    with pytest.raises(ValueError, match="title"):
        tables.render(pd.DataFrame({"a": [1]}), label="tab-x", title=" ")
