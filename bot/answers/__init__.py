"""A question and what is found for it → an answer, a clarification or a refusal. No Discord."""
