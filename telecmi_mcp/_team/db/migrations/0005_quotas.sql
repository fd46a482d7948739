-- Token buckets that all replicas share: of each caller, and of each account towards TeleCMI. The key is a hash of whose
-- it is. What they hold is a minute old at most, so nothing is lost with them: no write-ahead log, and empty after a crash.
CREATE UNLOGGED TABLE telecmi_mcp.bucket (
    key bytea PRIMARY KEY,
    free double precision NOT NULL,  -- takes that are left
    taken double precision NOT NULL, -- by the last statement, which reads it back
    seen timestamptz NOT NULL        -- when free was right
) WITH (fillfactor = 50);            -- room for the next version of a row beside it, so that no index is written
