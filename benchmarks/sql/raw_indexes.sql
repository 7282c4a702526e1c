-- What an unprotected application has where the protected one has blind indexes.
CREATE INDEX customer_phone_idx ON raw.customer (phone);
CREATE INDEX customer_id_no_idx ON raw.customer (id_no);
CREATE INDEX lead_phone_idx ON raw.lead (phone);
CREATE INDEX lead_id_no_idx ON raw.lead (id_no);
