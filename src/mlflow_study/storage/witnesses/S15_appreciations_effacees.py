"""Un run d'évaluation supprimé puis restauré : ses appréciations ne reviennent pas."""

import os
import tempfile

os.environ["MLFLOW_GENAI_EVAL_SKIP_TRACE_VALIDATION"] = "true"
import mlflow
from mlflow.genai.scorers import scorer

mlflow.set_tracking_uri(f"sqlite:///{tempfile.mkdtemp()}/mlflow.db")
experiment = mlflow.set_experiment("e").experiment_id


@scorer
def exact(outputs, expectations):
    return outputs == expectations["r"]


data = [{"inputs": {"q": "1+1"}, "outputs": "2", "expectations": {"r": "2"}}]
run = mlflow.genai.evaluate(data=data, scorers=[exact]).run_id
mlflow.flush_trace_async_logging()
client = mlflow.MlflowClient()


def assessments():
    traces = client.search_traces(locations=[experiment])
    return sum(a.name == "exact" for t in traces for a in t.info.assessments)


before = assessments()
client.delete_run(run)
client.restore_run(run)
print(
    f"run {client.get_run(run).info.lifecycle_stage}, appréciations : {before} puis {assessments()}"
)
print("REFUTE" if assessments() < before else "CONFIRME")
