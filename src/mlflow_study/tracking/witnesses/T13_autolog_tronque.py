# L’enregistrement automatique coupe un paramètre long : il ne peut plus être rejoué.
import tempfile

import mlflow
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

mlflow.set_tracking_uri(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
mlflow.sklearn.autolog(log_models=False, silent=True)
mots = [f"mot{i:04d}" for i in range(1000)]
modele = make_pipeline(TfidfVectorizer(vocabulary=mots), LogisticRegression())
with mlflow.start_run() as run:
    modele.fit(["mot0001", "mot0002"], [0, 1])
garde = mlflow.get_run(run.info.run_id).data.params["tfidfvectorizer__vocabulary"]
print(f"TÉMOIN : {len(str(mots))} signes donnés, {len(garde)} gardés")
