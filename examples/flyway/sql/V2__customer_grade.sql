ALTER TABLE customer ADD COLUMN grade varchar(10);
ALTER TABLE customer ALTER COLUMN name TYPE varchar(80);
UPDATE customer SET grade = 'standard';
