-- The roles of the first hour, for a server to play on: everybody has the same password. Run it
-- once as dba, in any database.

-- Who owns the application's schema, the application's pool, the backup, and seven people.
CREATE ROLE crm_owner;
CREATE ROLE crm_app LOGIN PASSWORD 'first-hour';
CREATE ROLE nightly LOGIN PASSWORD 'first-hour';
CREATE ROLE agent_li LOGIN PASSWORD 'first-hour';
CREATE ROLE agent_zhao LOGIN PASSWORD 'first-hour';
CREATE ROLE agent_qian LOGIN PASSWORD 'first-hour';
CREATE ROLE analyst_sun LOGIN PASSWORD 'first-hour';
CREATE ROLE auditor_zhou LOGIN PASSWORD 'first-hour';
CREATE ROLE service_wu LOGIN PASSWORD 'first-hour';
CREATE ROLE claims_zheng LOGIN PASSWORD 'first-hour';

-- Plans change tables of crm_owner, so who applies them is a member of it.
GRANT crm_owner TO dba;

CREATE DATABASE insurer TEMPLATE template0 ENCODING 'UTF8';
