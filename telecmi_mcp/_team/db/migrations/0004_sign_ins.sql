-- What TeleCMI users sign in with, encrypted with keys that the database never sees; and who reads with whose.
-- Two callers with the same TeleCMI user share a row, so that there is one token and one login. A caller's bond is sealed
-- with the same keys: whoever can write here cannot give a caller the sign-in of another.
CREATE TABLE telecmi_mcp.sign_in (
    sign_in_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base_url text NOT NULL,
    user_id text NOT NULL,
    sealed bytea NOT NULL,
    renews boolean NOT NULL,
    version bigint NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (base_url, user_id)
);

CREATE TABLE telecmi_mcp.caller_sign_in (
    caller text NOT NULL,
    base_url text NOT NULL,
    sign_in_id int NOT NULL REFERENCES telecmi_mcp.sign_in ON DELETE CASCADE,
    organisation text NOT NULL DEFAULT '',
    bond bytea NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, base_url)
);
CREATE INDEX caller_sign_in_by_sign_in ON telecmi_mcp.caller_sign_in (sign_in_id);

-- Salted hashes of passwords that TeleCMI refused, so that no replica sends one again.
CREATE TABLE telecmi_mcp.refused_password (
    mark_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    base_url text NOT NULL,
    user_id text NOT NULL,
    mark text NOT NULL
);
CREATE INDEX refused_password_by_user ON telecmi_mcp.refused_password (base_url, user_id);

-- One number that every change of the first two raises in its own transaction: one cheap look tells that nothing changed.
CREATE TABLE telecmi_mcp.sign_in_revision (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    revision bigint NOT NULL
);
INSERT INTO telecmi_mcp.sign_in_revision (revision) VALUES (1);
