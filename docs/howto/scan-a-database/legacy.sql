-- An insurer's old system: names in pinyin, a sheet that was imported once, a column whose name
-- lies. The rows are computed; they speak of nobody.

CREATE SCHEMA crm;

-- A number with a right check character (GB 11643) for row n.
CREATE FUNCTION pg_temp.id_card(n integer) RETURNS text LANGUAGE sql AS $$
  SELECT body || substr('10X98765432', 1 + sum(substr(body, i::integer, 1)::integer * w)::integer % 11, 1)
    FROM (SELECT '420106' || to_char(DATE '1950-01-01' + n * 37, 'YYYYMMDD')
                 || lpad((n % 900 + 100)::text, 3, '0') AS body) AS b,
         unnest(ARRAY[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) WITH ORDINALITY AS u (w, i)
   GROUP BY body
$$;

CREATE TABLE crm.t_khxx (
    khbh bigint PRIMARY KEY, khxm varchar(40), xb char(1), csrq date, zjhm varchar(20),
    sjhm varchar(20), jtdz varchar(200), bz text, cjsj timestamp
);
COMMENT ON COLUMN crm.t_khxx.zjhm IS '证件号码';
INSERT INTO crm.t_khxx
SELECT n, substr('王李张刘陈杨黄赵吴周', n % 10 + 1, 1) || substr('伟芳娜敏静强磊洋勇艳杰涛', n % 12 + 1, 1)
          || substr('建国文华晨雨欣平', n % 8 + 1, 1),
       substr('MF', n % 2 + 1, 1), DATE '1950-01-01' + n * 37, pg_temp.id_card(n),
       '139' || lpad((n * 7919 % 100000000)::text, 8, '0'),
       '湖北省武汉市武昌区样例路' || n || '号' || n % 9 + 1 || '栋' || n % 5 + 1 || '单元',
       CASE n % 50 WHEN 0 THEN '客户来电，请回拨139' || lpad((n * 7919)::text, 8, '0') || '。'
                   ELSE '客户来电咨询续期，第' || n || '次回访已完成。' END,
       TIMESTAMP '2024-01-01' + n * INTERVAL '1 hour'
  FROM generate_series(1, 400) AS n;

CREATE TABLE crm.t_ddxx (
    ddh varchar(20) PRIMARY KEY, phone varchar(20), zt char(2), je numeric(12,2)
);
INSERT INTO crm.t_ddxx
SELECT 'D' || lpad(n::text, 9, '0'), 'DD2024' || lpad((n * 104729)::text, 10, '0'),
       lpad((n % 3)::text, 2, '0'), n * 1.37
  FROM generate_series(1, 2000) AS n;

CREATE TABLE crm.tmp_import (col1 text, col2 text, col3 text);
INSERT INTO crm.tmp_import SELECT khxm, zjhm, sjhm FROM crm.t_khxx WHERE khbh <= 120;

CREATE TABLE crm.ref_bank (code varchar(8) PRIMARY KEY, mc varchar(60));
INSERT INTO crm.ref_bank VALUES ('ICBC', '工商银行'), ('CCB', '建设银行'), ('ABC', '农业银行');

ANALYZE;

-- Who scans reads, and nothing more.
CREATE ROLE scanner LOGIN PASSWORD 'scan-only' IN ROLE pg_read_all_data;
