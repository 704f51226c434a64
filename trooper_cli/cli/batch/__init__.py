"""`trooper ask --jsonl`: many questions, one line each."""
