-- The application's schema as it stands before protection. {schema} is crm for the tables that are
-- adopted and raw for the same rows left as they are.
CREATE TABLE {schema}.customer (
    id bigint PRIMARY KEY,
    unit_id integer NOT NULL,
    name varchar(60) NOT NULL,
    phone varchar(11) NOT NULL,
    email varchar(80),
    id_no varchar(18) NOT NULL,
    bank_account varchar(19) NOT NULL,
    address varchar(120) NOT NULL,
    gender varchar(1) NOT NULL,
    status varchar(10) NOT NULL,
    card_grade varchar(10) NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX customer_unit_created_idx ON {schema}.customer (unit_id, created_at);
CREATE INDEX customer_created_idx ON {schema}.customer (created_at);
CREATE INDEX customer_name_idx ON {schema}.customer (name);

CREATE TABLE {schema}.policy (
    id bigint PRIMARY KEY,
    unit_id integer NOT NULL,
    holder_id bigint NOT NULL,
    policy_no varchar(20) NOT NULL,
    payer_account varchar(19) NOT NULL,
    product varchar(10) NOT NULL,
    premium numeric(12, 2) NOT NULL
);
CREATE INDEX policy_holder_idx ON {schema}.policy (holder_id);
CREATE INDEX policy_unit_idx ON {schema}.policy (unit_id);
CREATE INDEX policy_policy_no_idx ON {schema}.policy (policy_no);

CREATE TABLE {schema}.contact (
    id bigint PRIMARY KEY,
    unit_id integer NOT NULL,
    customer_id bigint NOT NULL,
    value varchar(11) NOT NULL,
    purpose varchar(12) NOT NULL
);
CREATE INDEX contact_customer_idx ON {schema}.contact (customer_id);

-- Written to by the group `write`: four sealed columns, two of them with a blind index.
CREATE TABLE {schema}.lead (
    id bigint PRIMARY KEY,
    unit_id integer NOT NULL,
    customer_id bigint NOT NULL,
    phone varchar(11) NOT NULL,
    id_no varchar(18) NOT NULL,
    email varchar(80) NOT NULL,
    bank_account varchar(19) NOT NULL,
    source varchar(12) NOT NULL
);
CREATE INDEX lead_customer_idx ON {schema}.lead (customer_id);
