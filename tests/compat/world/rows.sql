-- Invented rows, written before adoption, and the rights of the application's login.

INSERT INTO crm.product (code, name) VALUES ('HLTH', '健康险'), ('LIFE', '寿险');

INSERT INTO crm.customer
    (id, customer_no, name, phone, email, address, birth_date, income, status, labels, attributes,
     created_at)
VALUES
    (1, 'C0001', '王小明', '13952992312', 'wang@example.net', '湖北省武汉市武昌区中山路12号',
     '1990-01-01', 180000, 'active', '{vip,online}', '{"source": "web", "score": 7}',
     '2026-01-05 10:00+08'),
    (2, 'C0002', '欧阳静', '17775196458', 'ouyang@example.net', '湖北省武汉市武昌区友谊路8号',
     '1985-07-23', 240000, 'active', '{branch}', '{"source": "branch"}', '2026-01-06 10:00+08'),
    (3, 'C0003', '陈建华', '18622140838', NULL, '广东省深圳市南山区科技大道100号',
     '1972-11-05', 2600000, 'lapsed', '{}', '{}', '2026-01-07 10:00+08'),
    (4, 'C0004', '林悦', '18389745048', 'lin@example.org', NULL, '1996-03-30', NULL, 'active',
     '{vip}', '{"source": "web"}', '2026-01-08 10:00+08');
SELECT pg_catalog.setval('crm.customer_id_seq', 4);

INSERT INTO crm.policy (customer_id, product_code, premium, starts_on) VALUES
    (1, 'HLTH', 4200, '2026-01-01'), (1, 'LIFE', 900, '2026-02-01'),
    (2, 'HLTH', 3100, '2026-03-01');

INSERT INTO crm.contact_log (customer_id, phone, at) VALUES
    (1, '13952992312', '2026-02-03 10:15+08'), (2, '17775196458', '2026-02-04 10:15+08'),
    (1, '13952992312', '2025-02-03 10:15+08');

GRANT USAGE ON SCHEMA crm TO compat_app;
GRANT ALL ON ALL TABLES IN SCHEMA crm TO compat_app;
GRANT ALL ON ALL SEQUENCES IN SCHEMA crm TO compat_app;
