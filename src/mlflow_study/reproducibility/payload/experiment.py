"""Run one small experiment under whatever MLflow release is installed, and print JSON lines.

    python experiment.py TRACKING_URI ARTIFACT_ROOT

Imports the standard library, numpy, pandas, scikit-learn and MLflow's public API only,
so that it runs unchanged from MLflow 2.3 to 3.17.  One line per stage; a stage that
fails prints ``erreur`` and ends the program with code 1.
"""

import hashlib
import importlib.metadata
import inspect
import json
import os
import platform
import sys
import traceback
import warnings

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
warnings.simplefilter("ignore")

PARAMETERS = {"C": 0.5, "max_iter": 500, "n_estimators": 20, "test_size": 0.25, "seed": 7}


def tell(stage, **facts):
    print(json.dumps({"etape": stage, **facts}), flush=True)


def hexadecimal(values):
    """Every bit of each float, as text."""
    return {key: float(value).hex() for key, value in values.items()}


def digest(array):
    return hashlib.sha256(array.tobytes()).hexdigest()


def data():
    from sklearn.datasets import load_wine
    from sklearn.model_selection import train_test_split

    table = load_wine(as_frame=True)
    return train_test_split(
        table.data,
        table.target,
        test_size=PARAMETERS["test_size"],
        random_state=PARAMETERS["seed"],
        stratify=table.target,
    )


def fit(x, y):
    """A scaled logistic regression and a seeded forest: linear algebra and random draws."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    linear = make_pipeline(
        StandardScaler(), LogisticRegression(C=PARAMETERS["C"], max_iter=PARAMETERS["max_iter"])
    )
    forest = RandomForestClassifier(
        n_estimators=PARAMETERS["n_estimators"], random_state=PARAMETERS["seed"]
    )
    return {"lineaire": linear.fit(x, y), "foret": forest.fit(x, y)}


def scores(models, x, y):
    from sklearn.metrics import log_loss

    found = {}
    for name, model in models.items():
        found[name + ".exactitude"] = float(model.score(x, y))
        found[name + ".perte"] = float(log_loss(y, model.predict_proba(x)))
    return found


def installed():
    return {
        d.metadata["Name"].lower().replace("_", "-"): d.version
        for d in importlib.metadata.distributions()
        if d.metadata["Name"]
    }


def main(tracking_uri, artifact_root):
    import mlflow
    import mlflow.sklearn

    tell(
        "environnement",
        mlflow=mlflow.__version__,
        python=platform.python_version(),
        paquets=installed(),
    )
    x, x_test, y, y_test = data()
    models = fit(x, y)
    metrics = scores(models, x_test, y_test)
    predictions = {name: digest(model.predict_proba(x_test)) for name, model in models.items()}
    values = {name: model.predict_proba(x_test).ravel().tolist() for name, model in models.items()}
    tell("entrainement", metriques=hexadecimal(metrics), predictions=predictions, valeurs=values)

    mlflow.set_tracking_uri(tracking_uri)
    experiment = mlflow.create_experiment("temps", artifact_location=artifact_root)
    uris = {}
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_params(PARAMETERS)
        mlflow.log_metrics(metrics)
        dataset = None
        if hasattr(mlflow, "log_input"):
            entry = mlflow.data.from_pandas(x.assign(target=y), targets="target", name="wine")
            mlflow.log_input(entry, context="training")
            dataset = entry.digest
        place = (
            "name"
            if "name" in inspect.signature(mlflow.sklearn.log_model).parameters
            else ("artifact_path")
        )
        for name, model in models.items():
            signature = mlflow.models.infer_signature(x, model.predict(x))
            given = {place: name, "signature": signature}
            try:
                info = mlflow.sklearn.log_model(model, **given)
            except Exception as error:  # the default format may refuse the model
                tell("refus", modele=name, erreur=type(error).__name__ + ": " + str(error))
                given["serialization_format"] = "cloudpickle"
                info = mlflow.sklearn.log_model(model, **given)
            uris[name] = info.model_uri
    files = {}
    for name, uri in uris.items():
        folder = mlflow.artifacts.download_artifacts(artifact_uri=uri)
        for file in ("requirements.txt", "python_env.yaml", "MLmodel"):
            with open(os.path.join(folder, file), encoding="utf-8") as stream:
                files[name + "/" + file] = stream.read()
        files[name + "/*"] = sorted(os.listdir(folder))
    tell("run", run=run.info.run_id, modeles=uris, empreinte=dataset, fichiers=files)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:
        tell(
            "erreur", erreur=type(error).__name__ + ": " + str(error), trace=traceback.format_exc()
        )
        sys.exit(1)
