"""What is stored about a member or a server, and how it is deleted."""
