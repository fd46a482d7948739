-- The mirror of an account's contacts. Each row of each table has its mirror's number, and a mirror belongs to one account.
-- A version of this program that derives other words keeps a mirror of its own beside the older one's.
DO $$ BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'the database must have the encoding UTF8';
    END IF;
END $$;

-- fence: counts up whenever a replica takes the right to write, so that whoever lost it notices inside its transaction.
CREATE TABLE telecmi_mcp.mirror (
    mirror_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id int NOT NULL REFERENCES telecmi_mcp.account ON DELETE CASCADE,
    version int NOT NULL,
    fence bigint NOT NULL DEFAULT 0,
    next_rid int NOT NULL DEFAULT 0,
    contacts int NOT NULL DEFAULT 0,
    state jsonb NOT NULL DEFAULT '{}',
    under_way boolean NOT NULL DEFAULT false,
    used_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, version)
) WITH (fillfactor = 20);
CREATE INDEX mirror_under_way ON telecmi_mcp.mirror (mirror_id) WHERE under_way;

-- The last four columns are what a contact can be reached by, as ordered ranges.
CREATE TABLE telecmi_mcp.contact (
    mirror_id int NOT NULL,
    rid int NOT NULL,
    contact_id text COLLATE "C" NOT NULL,
    phone_no text, first_name text, last_name text, email_id text, company text, job_title text,
    phone text COLLATE "C", phone_reversed text COLLATE "C", mail text COLLATE "C", mail_domain text COLLATE "C",
    PRIMARY KEY (mirror_id, rid),
    UNIQUE (mirror_id, contact_id)
);
CREATE INDEX contact_phone ON telecmi_mcp.contact (mirror_id, phone, rid) WHERE phone IS NOT NULL;
CREATE INDEX contact_phone_reversed ON telecmi_mcp.contact (mirror_id, phone_reversed, rid)
    WHERE phone_reversed IS NOT NULL;
CREATE INDEX contact_mail ON telecmi_mcp.contact (mirror_id, mail, rid) WHERE mail IS NOT NULL;
CREATE INDEX contact_mail_domain ON telecmi_mcp.contact (mirror_id, mail_domain, rid) WHERE mail_domain IS NOT NULL;

-- In which pass a contact was seen last, for 256 contacts in a row; -1 where there is none. A pass over contacts that
-- stayed the same writes these rows and no others: a hundredth of what a column of contact would cost.
CREATE TABLE telecmi_mcp.mark (
    mirror_id int NOT NULL,
    block int NOT NULL,
    generations int[] NOT NULL,
    PRIMARY KEY (mirror_id, block)
) WITH (fillfactor = 60);

-- Words are numbered once for all mirrors, so that a posting belongs to one mirror by its number alone.
CREATE TABLE telecmi_mcp.term (
    term_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mirror_id int NOT NULL,
    text text COLLATE "C" NOT NULL,
    fields int NOT NULL,
    uses int NOT NULL,
    UNIQUE (mirror_id, text)
) WITH (fillfactor = 70);

-- Shapes carry the mirror's number in their upper half: the index would mix all accounts' words otherwise.
CREATE TABLE telecmi_mcp.sketch (
    term_id bigint PRIMARY KEY,
    shapes bigint[] NOT NULL
);
CREATE INDEX sketch_shapes ON telecmi_mcp.sketch USING gin (shapes) WITH (fastupdate = off);

-- Apart from contact, so that what is looked through is narrow. Without fastupdate no search pays for what was written.
CREATE TABLE telecmi_mcp.posting (
    mirror_id int NOT NULL,
    rid int NOT NULL,
    tokens bigint[] NOT NULL,
    PRIMARY KEY (mirror_id, rid)
);
CREATE INDEX posting_tokens ON telecmi_mcp.posting USING gin (tokens) WITH (fastupdate = off);
