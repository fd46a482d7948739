"""One server for a whole team: Streamable HTTP, who may call, whose token it reads with, and a mirror in PostgreSQL."""
