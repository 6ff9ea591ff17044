"""Open a store that another MLflow release wrote, load its models, and print JSON lines.

    python reopen.py TRACKING_URI RUN_ID '{"name": "model uri", ...}'

Standard library, numpy, pandas, scikit-learn and MLflow's public API only.  Each stage
prints one line, with ``erreur`` where it failed; later stages are tried all the same.
"""

import json
import sys
import traceback
import warnings

from experiment import data, digest, installed, tell


def stage(name, action):
    """Run one stage; its facts, its warnings, or its error."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            facts = action()
        except Exception as error:
            facts = {
                "erreur": type(error).__name__ + ": " + str(error),
                "trace": traceback.format_exc(),
            }
    said = sorted({w.category.__name__ for w in heard})
    tell(name, avertissements=said, **facts)


def main(tracking_uri, run_id, models):
    def imported():
        import mlflow.sklearn

        return {"mlflow": mlflow.__version__, "paquets": installed()}

    def opened():
        import mlflow

        mlflow.set_tracking_uri(tracking_uri)
        run = mlflow.get_run(run_id)
        return {
            "parametres": dict(run.data.params),
            "metriques": {k: float(v).hex() for k, v in run.data.metrics.items()},
            "empreintes": [d.dataset.digest for d in run.inputs.dataset_inputs]
            if getattr(run, "inputs", None)
            else [],
        }

    def predict(uri):
        import mlflow.sklearn

        _, x_test, _, _ = data()
        found = mlflow.sklearn.load_model(uri).predict_proba(x_test)
        return {"prediction": digest(found), "valeurs": found.ravel().tolist()}

    def serve(uri):
        import mlflow.pyfunc

        _, x_test, _, _ = data()
        return {"classes": [int(c) for c in mlflow.pyfunc.load_model(uri).predict(x_test)]}

    stage("importer", imported)
    stage("ouvrir", opened)
    for name, uri in models.items():
        stage("charger " + name, lambda uri=uri: predict(uri))
        stage("servir " + name, lambda uri=uri: serve(uri))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
