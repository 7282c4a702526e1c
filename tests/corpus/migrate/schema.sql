CREATE SCHEMA crm;
CREATE TABLE crm.customer (
  id integer PRIMARY KEY,
  unit_id integer NOT NULL,
  name varchar(60) NOT NULL,
  phone varchar(20),
  status text NOT NULL DEFAULT 'active'
);
CREATE INDEX customer_unit_idx ON crm.customer (unit_id, id);
CREATE TABLE crm.visit (
  id integer NOT NULL,
  customer_id integer NOT NULL,
  at date NOT NULL,
  caller varchar(20),
  place text,
  PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE crm.visit_2025 PARTITION OF crm.visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE crm.visit_2026 PARTITION OF crm.visit FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX visit_customer_idx ON crm.visit (customer_id);
INSERT INTO crm.customer VALUES (1, 1, 'Zhang San', '13800001111'), (2, 2, 'Li Si', '13800002222');
INSERT INTO crm.visit VALUES (1, 1, '2025-03-01', '13800001111', 'desk'), (2, 2, '2026-03-01', NULL, 'desk');
