# Un client ouvert sur le magasin B ; sa trace va dans le magasin A, celui du processus.
import tempfile

import mlflow
from mlflow import MlflowClient

dossier = tempfile.mkdtemp()
mlflow.set_tracking_uri(f"sqlite:///{dossier}/a.db")
chez_a = MlflowClient().create_experiment("équipe A")
client = MlflowClient(f"sqlite:///{dossier}/b.db")
chez_b = client.create_experiment("équipe B")  # même numéro, autre magasin
trace = client.start_trace("question", inputs="secret de B", experiment_id=chez_b)
client.end_trace(trace.trace_id)
mlflow.flush_trace_async_logging()
rendues = client.search_traces(locations=[chez_b])
ailleurs = MlflowClient().search_traces(locations=[chez_a])
print(f"TÉMOIN : {len(rendues)} trace chez B ; chez A : {[t.data.request for t in ailleurs]}")
