-- Four invented customers for the first hour, in plain text as an application would have stored
-- them. Run it as the owner of the schema, after examples/insurer/schema.sql.

INSERT INTO crm.ref_region (code, name) VALUES
  ('110105', '北京市朝阳区'), ('420106', '湖北省武汉市武昌区'), ('440305', '广东省深圳市南山区');
INSERT INTO crm.ref_bank (code, name, card_prefix) VALUES ('ICBC', '中国工商银行', '622202');
INSERT INTO crm.ref_product (code, name, line) VALUES ('HLTH10', '安康重大疾病保险', 'health');

INSERT INTO crm.unit (id, name, kind, superior_id, region_code) VALUES
  (1, '总公司', 'head_office', NULL, '110105'),
  (7, '武昌支公司', 'sub_branch', 1, '420106'),
  (9, '南山支公司', 'sub_branch', 1, '440305');
INSERT INTO crm.staff (id, unit_id, name, post, extension) VALUES
  (701, 7, '李娜', 'agent', '7001'), (901, 9, '赵强', 'agent', '9001');

INSERT INTO crm.customer
  (id, customer_no, unit_id, owner_id, name, sex, birth_date, id_no, phone, landline, email,
   address, postal_code, occupation, annual_income, health_note, card_grade)
VALUES
  (41, 'C00000000041', 7, 701, '王小明', 'M', '1990-01-01', '420106199001013317', '13952992312',
   '027-61976225', 'xiaoming.wang@example.net', '湖北省武汉市武昌区中山路12号3栋502室', '430060',
   '教师', 180000, NULL, 'standard'),
  (42, 'C00000000042', 7, 701, '欧阳静', 'F', '1985-07-23', '420106198507235844', '17775196458',
   NULL, 'ouyang.jing@example.net', '湖北省武汉市武昌区友谊路8号1栋101室', '430060',
   '会计', 240000, '高血压', 'gold'),
  (43, 'C00000000043', 9, 901, '陈建华', 'M', '1972-11-05', '440305197211055258', '18622140838',
   NULL, NULL, '广东省深圳市南山区科技大道100号2栋2001室', '518052',
   '企业负责人', 2600000, NULL, 'diamond'),
  (44, 'C00000000044', 9, 901, '林悦', 'F', '1996-03-30', '42011119960330290X', '18389745048',
   NULL, 'lin.yue@example.org', '广东省深圳市南山区学院路36号5栋1203室', '518052',
   '工程师', 310000, NULL, 'standard');
ALTER TABLE crm.customer ALTER COLUMN id RESTART WITH 45;

INSERT INTO crm.bank_account (customer_id, bank_code, account_no, account_name) VALUES
  (41, 'ICBC', '6222020596505025145', '王小明'), (43, 'ICBC', '6222023347002607358', '陈建华');
INSERT INTO crm.policy
  (policy_no, product_code, unit_id, holder_id, insured_id, insured_name, insured_id_no,
   insured_phone, relation, sum_insured, premium, starts_on, ends_on)
VALUES
  ('P2026000000000000041', 'HLTH10', 7, 41, 42, '欧阳静', '420106198507235844', '17775196458',
   'spouse', 500000, 4200, '2026-01-01', '2027-01-01');
INSERT INTO crm.contact_log (customer_id, staff_id, type, value, purpose, at) VALUES
  (41, 701, 'phone', '13952992312', 'renewal', '2026-02-03 10:15+08');

-- Who could do what until today: the application everything, the people read every table.
GRANT USAGE ON SCHEMA crm TO crm_app, nightly, agent_li, agent_zhao, analyst_sun;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA crm TO crm_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA crm TO crm_app;
GRANT SELECT ON ALL TABLES IN SCHEMA crm TO nightly, agent_li, agent_zhao, analyst_sun;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA crm TO nightly;
