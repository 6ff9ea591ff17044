"""MLflow à l'épreuve: a re-runnable study of what an experiment tracker keeps.

The package mirrors the questions: one sub-package per chapter (``storage``,
``tracking``, ``reproducibility``, ``traceability``), the systems under test in
``stores``, the rules of evidence in ``evidence``, the French face in
``presentation`` and the report in ``publication``.
"""
