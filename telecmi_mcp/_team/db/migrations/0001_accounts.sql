-- Whose contacts the rows of the mirror are: a TeleCMI user, or an organisation whose users see the same contacts.
-- The key is a hash of the base URL and the user, as the desk's index files are named by one: it tells nothing by itself.
CREATE TABLE telecmi_mcp.account (
    account_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
