# Deux processus posent ensemble une même étiquette neuve d’un run : l’un reçoit une erreur, sans attendre.
import multiprocessing
import tempfile

from mlflow import MlflowClient


def poser(uri, run, depart, refus):
    client = MlflowClient(uri)
    for i in range(100):
        depart.wait()
        try:
            client.set_tag(run, f"etape{i}", "faite")
        except Exception as erreur:
            refus.append(str(erreur).splitlines()[0])


if __name__ == "__main__":
    uri = f"sqlite:///{tempfile.mkdtemp()}/mlflow.db"
    client = MlflowClient(uri)
    run = client.create_run(client.create_experiment("temoin")).info.run_id
    processus = multiprocessing.get_context("spawn")
    with processus.Manager() as gerant:
        depart, refus = processus.Barrier(2), gerant.list()
        deux = [processus.Process(target=poser, args=(uri, run, depart, refus)) for _ in range(2)]
        [p.start() for p in deux]
        [p.join() for p in deux]
        print(f"TÉMOIN : {len(refus)} refus sur 200, {' ; '.join(sorted(set(refus)))}")
