"""Feature: `/limits`, how many questions and notes members may send, by role and tenure."""
