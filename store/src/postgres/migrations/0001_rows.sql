-- Rows of all tables of one store. Keys are compared byte by byte, table names too, whatever the database's locale.
CREATE TABLE rows (
    tab   text COLLATE "C" NOT NULL,
    key   bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (tab, key)
);
