"""What auditors ask of the record: a report per question, its formats, a quarter's folder."""
