"""Tables of questions: records of what was asked and found, and gaps grouped from them."""
