"""What the reader sees: French numbers, computed sentences, figures and tables.

Nothing here knows MLflow: it is given values and evidence records, and displays them.
"""
