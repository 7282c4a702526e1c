"""Proposals for a catalogue: what each column of a database probably holds, and why (A1, A5).

``detect`` looks at one value, ``tally`` counts what it saw in a sample and forgets the values,
``judge`` puts names, comments, types, statistics and counts together, ``decisions`` remembers what
a person made of it, ``compare`` finds what is new since then.  Only ``read`` sees a connection.
"""
