"""Tables of questions: recorded questions and their hits, gaps, hand-overs, feedback."""
