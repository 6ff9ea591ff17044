# Un NaN attaché à un modèle est rendu 0.0 par une base : classé par sa perte, le modèle qui a
# divergé passe devant le bon.
import math
import tempfile

import mlflow

mlflow.set_tracking_uri(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
experience = mlflow.set_experiment("temoin").experiment_id
for nom, perte in (("bon", 0.2), ("diverge", math.nan)):
    with mlflow.start_run():
        modele = mlflow.initialize_logged_model(name=nom)
        mlflow.log_metric("perte", perte, model_id=modele.model_id)
classes = mlflow.search_logged_models(
    [experience],
    order_by=[{"field_name": "metrics.perte", "ascending": True}],
    output_format="list",
)
print("TÉMOIN :", [(modele.name, modele.metrics[0].value) for modele in classes])
