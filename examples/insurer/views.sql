-- The application's own views, as they are today: they run with the rights of their owner.

CREATE VIEW crm.renewal AS
SELECT p.policy_no, p.ends_on, p.premium, p.unit_id, c.id AS customer_id, c.name, c.phone
FROM crm.policy AS p
JOIN crm.customer AS c ON c.id = p.holder_id
WHERE p.status = 'in_force';
COMMENT ON VIEW crm.renewal IS 'The call list: policies in force with the holder to call';

CREATE VIEW crm.unit_portfolio AS
SELECT u.id AS unit_id, u.name AS unit_name, count(*) AS policies, sum(p.premium) AS premium
FROM crm.unit AS u
JOIN crm.policy AS p ON p.unit_id = u.id
GROUP BY u.id, u.name;
