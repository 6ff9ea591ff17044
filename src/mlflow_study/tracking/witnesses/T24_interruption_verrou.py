# Ctrl-C pendant log_metric : la base reste verrouillée, et le run ne peut être terminé.
# MLflow attend 20 s avant de le dire ; l’attente est réduite ici à 0,1 s.
import signal
import tempfile

import mlflow
from sqlalchemy import Engine, event

mlflow.set_tracking_uri(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
mlflow.set_experiment("temoin")
arme = False
signal.signal(signal.SIGINT, signal.default_int_handler)  # Ctrl-C serait ignoré en arrière-plan


@event.listens_for(Engine, "before_cursor_execute", retval=True)
def moins_patient(_connexion, _curseur, requete, valeurs, *_reste):
    return requete.replace("busy_timeout = 20000", "busy_timeout = 100"), valeurs


@event.listens_for(Engine, "after_cursor_execute")
def ctrl_c(_connexion, _curseur, requete, *_reste):
    global arme
    if arme and requete.startswith("SELECT"):
        arme = False
        signal.raise_signal(signal.SIGINT)


try:
    with mlflow.start_run() as run:
        arme = True
        mlflow.log_metric("perte", 0.1)
except BaseException as erreur:
    recue = f"{type(erreur).__name__}, {str(erreur).splitlines()[0] if str(erreur) else ''}"
statut = mlflow.MlflowClient().get_run(run.info.run_id).info.status
print(f"TÉMOIN : {recue} ; statut {statut}")
