"""What may not leave: findings in a text.

A reader begins with `guard.py`, which asks two questions of a text:

- Is it private? `knowledge.py` keeps what was private in `index.py`, as keyed hashes of four kinds: runs of letters
  (`fingerprints.py`), whole short texts (`text_keys.py`, `distinctive.py`), words and lines that are telling by
  themselves (`units.py`, `line_heads.py`), and cells of tables (`tables.py`, `cells.py`, `rows.py`, `table_reader.py`).
- Does it hold a credential? `credentials.py` applies the rules of `credential_rules.py`, `user_patterns.py` the user's.
  `spans.py` says where a value begins and ends, `repeats.py` where it stands again, `joined.py` reads strings in parts.

Both look at every form of the text. `normalize.py` makes the forms: decoded (`decoders.py`, `digits.py`, `dumps.py`,
`strings.py`, `pdf.py`) and without what nobody sees (`unseen.py`).
"""
