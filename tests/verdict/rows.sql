INSERT INTO crm.ref_region VALUES ('420106', '武昌区');
INSERT INTO crm.ref_product VALUES ('LIFE1', 'Term life', 'life');
INSERT INTO crm.ref_bank VALUES ('ICBC', 'Bank', '622202');
INSERT INTO crm.unit VALUES (7, 'Wuchang', 'branch', NULL, '420106'), (9, 'Hankou', 'branch', NULL, '420106');
INSERT INTO crm.staff VALUES (1, 7, '李娜', 'agent', '1001', true), (2, 9, '赵强', 'agent', '1002', true);
INSERT INTO crm.customer (id, customer_no, unit_id, owner_id, name, sex, birth_date, id_no, phone, landline,
  email, address, postal_code, occupation, employer, annual_income, health_note)
VALUES
  (1, 'C0001', 7, NULL, '张三', 'M', '1990-01-01', '110101199001010015', '13952992312', '027-88886666',
   'zhangsan@example.com', '湖北省武汉市武昌区青年路33号23栋2802室', '430060', 'teacher', 'A school', 1000, 'asthma'),
  (2, 'C0002', 9, NULL, '欧阳小明', 'F', '1985-05-05', '310115198505050022', '17775196458', '021-66668888',
   'ouyang99@example.com', '上海市浦东新区模拟大道12号3栋1单元101室', '200120', 'driver', 'A company', 2000, 'none known');
INSERT INTO crm.bank_account (customer_id, bank_code, account_no, account_name)
VALUES (1, 'ICBC', '6222021234567890128', '张三');
INSERT INTO crm.lead (unit_id, name, phone, email, product_code, quoted_premium, channel, remark)
VALUES (7, '李四', '13800138000', 'lisi@example.com', 'LIFE1', 99, 'web', 'please call back');
INSERT INTO crm.policy (policy_no, product_code, unit_id, holder_id, insured_id, insured_name, insured_id_no,
  insured_phone, relation, plate_no, sum_insured, premium, starts_on, ends_on)
VALUES ('P20240000000001', 'LIFE1', 7, 1, 1, '张三', '110101199001010015', '13952992312', 'self', '鄂A12345',
  100000, 500, '2024-01-01', '2034-01-01');
INSERT INTO crm.beneficiary (policy_id, holder_id, party_id, name, id_no, phone, relation, share)
VALUES (1, 1, 2, '欧阳小明', '310115198505050022', '17775196458', 'spouse', 100);
INSERT INTO crm.payment (policy_id, customer_id, payer_account, amount, due_on)
VALUES (1, 1, '6222021234567890128', 500, '2024-01-01');
INSERT INTO crm.claim (claim_no, policy_id, customer_id, unit_id, happened_on, place, diagnosis, reporter_name,
  reporter_phone, amount)
VALUES ('CL20240000001', 1, 1, 7, '2024-03-03', 'Wuhan, East Lake', 'fracture', '李四', '13800138000', 10);
INSERT INTO crm.claim_document (claim_id, customer_id, kind, file_name, content, recognised_text)
VALUES (1, 1, 'invoice', 'invoice-1.pdf', '\x01', 'paid by Zhang');
INSERT INTO crm.contact_log (customer_id, staff_id, type, value, purpose, note, at)
VALUES (1, 1, 'phone', '13952992312', 'service', 'asked for renewal', '2025-03-01 00:00+08');
