-- Who could do what until today: the application everything, everybody with a login of his own
-- could read every table.

GRANT USAGE ON SCHEMA crm TO crm_app, crm_readers, nightly;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA crm TO crm_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA crm TO crm_app;
GRANT SELECT ON ALL TABLES IN SCHEMA crm TO crm_readers, nightly;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA crm TO nightly;
