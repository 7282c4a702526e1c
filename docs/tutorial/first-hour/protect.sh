#!/bin/sh
# The first hour in one go: makes the database insurer, adopts and seals it. As the role dba, with
# PGUSER, PGPASSWORD and PGDATABASE set, from the repository's top folder. Leaves insurer.key there.
set -e
if [ "$(psql -X -At -d postgres -c "SELECT 1 FROM pg_database WHERE datname = 'insurer'")" = 1 ]; then
  echo "Database insurer is here already, from the first hour or another start: go on at 2." >&2
  exit 1
fi
psql() { PGOPTIONS='-c client_min_messages=warning' command psql -v ON_ERROR_STOP=1 "$@"; }
psql -X -q -d postgres -f docs/tutorial/first-hour/roles.sql
psql -X -q -c 'GRANT CREATE ON DATABASE insurer TO crm_owner'
psql -X -q -c 'SET ROLE crm_owner' -f examples/insurer/schema.sql -f docs/tutorial/first-hour/customers.sql
pgmask install
pgmask register load examples/insurer/register.yml
pgmask keys create insurer.key
pgmask plan examples/insurer/catalogue --author li.dba --out plan.json
pgmask apply plan.json --approved-by dpo.wang --approval-ref DP-2026-031
pgmask seal --all
