CREATE SCHEMA "Kunden; DROP";
CREATE TABLE "Kunden; DROP"."Order" (
  "Id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "select" text,
  "with ""quote""" varchar(20),
  "a.b" integer NOT NULL DEFAULT 0,
  "äöü漢字" text,
  "x123456789012345678901234567890123456789012345678901234567890xy" text,
  "x123456789012345678901234567890123456789012345678901234567890xz" text,
  "back\slash" text,
  "per%cent" text,
  "{}" text
);
CREATE TABLE "Kunden; DROP"."t1234567890123456789012345678901234567890123456789012345678-abc" (
  "user" serial PRIMARY KEY,
  "table" text
);
CREATE TABLE "Kunden; DROP"."bank_account-party_party" (id integer PRIMARY KEY, "$pgmask$" text);
