-- The keys of callers. A key is 256 random bits and stands here as its SHA-256 only: see _keys.py.
CREATE TABLE telecmi_mcp.access_key (
    access_key_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at timestamptz
);
-- A name may come back once its key is revoked; whoever has it then is the same caller to everything else.
CREATE UNIQUE INDEX access_key_valid_name ON telecmi_mcp.access_key (name) WHERE revoked_at IS NULL;
