-- Keys with an end, a list of tools, a mask or an option, and keys that another one replaces. A version without this table
-- would ignore all of that, so it must not see them: their hashes are in this table only. Their caller has a row in
-- access_key all the same, which keeps the name. Its hash is that of the caller's key without limits, or 16 random bytes,
-- which are the SHA-256 of no key. While that row is revoked, so are the keys here.
CREATE TABLE telecmi_mcp.limited_key (
    limited_key_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    access_key_id int NOT NULL REFERENCES telecmi_mcp.access_key ON DELETE CASCADE,
    hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    expires_at timestamptz,  -- the end that was chosen with the key
    replaced_at timestamptz, -- the end of the grace time, once there is a newer key
    revoked_at timestamptz,
    warned_at timestamptz,   -- when the audit told of the end that comes
    tools text[],            -- null: all
    mask text[],             -- null: none; fields of a contact
    options text[]           -- null: none
);
CREATE INDEX limited_key_by_caller ON telecmi_mcp.limited_key (access_key_id);

-- Every key of both tables. The end of a key is the chosen one, or that of its grace time if it comes earlier.
CREATE VIEW telecmi_mcp.issued_key AS
    SELECT access_key_id, name, hash, created_at, last_used_at, NULL::timestamptz AS expires_at,
        NULL::timestamptz AS ends_at, revoked_at, NULL::timestamptz AS warned_at,
        NULL::text[] AS tools, NULL::text[] AS mask, NULL::text[] AS options
    FROM telecmi_mcp.access_key WHERE length(hash) = 32
UNION ALL
    SELECT access_key_id, name, l.hash, l.created_at, l.last_used_at, l.expires_at,
        least(l.expires_at, l.replaced_at), coalesce(l.revoked_at, a.revoked_at), l.warned_at,
        l.tools, l.mask, l.options
    FROM telecmi_mcp.limited_key l JOIN telecmi_mcp.access_key a USING (access_key_id);
