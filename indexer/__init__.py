"""How documents become retrievable: passages, vectors, the index and the retriever."""
