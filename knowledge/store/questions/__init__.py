"""Tables of questions: records with hits and verdicts, gaps, hand-overs."""
