-- By what contacts are filtered, counted and grouped. A contact with several numbers or addresses has several rows, and only
-- the one at place 0 has what a contact has once. missing has a bit for each field without a value.
CREATE TABLE telecmi_mcp.facet (
    mirror_id int NOT NULL,
    rid int NOT NULL,
    place smallint NOT NULL,
    missing smallint NOT NULL,
    company text COLLATE "C", job_title text COLLATE "C", name text COLLATE "C", phone text COLLATE "C",
    country text COLLATE "C", mailbox text COLLATE "C", domain text COLLATE "C",
    PRIMARY KEY (mirror_id, rid, place)
);
