-- What a contact can be reached by, as ordered ranges: a contact may have several numbers and addresses. Rows that an older
-- version of this program wrote keep theirs in the last columns of contact, and are of another version of the mirror.
CREATE TABLE telecmi_mcp.reach (
    mirror_id int NOT NULL,
    reach smallint NOT NULL,
    value text COLLATE "C" NOT NULL,
    rid int NOT NULL,
    PRIMARY KEY (mirror_id, reach, value, rid)
);
CREATE INDEX reach_rid ON telecmi_mcp.reach (mirror_id, rid);
