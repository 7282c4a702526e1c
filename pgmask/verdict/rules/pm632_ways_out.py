"""Functions that could carry data out, or that run text as a statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pgmask.verdict.case import Case
from pgmask.verdict.model import Severity
from pgmask.verdict.rule import Hit, Rule

WAYS_OUT: Final = {
    "runs text as a statement": (
        "query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "cursor_to_xml",
        "cursor_to_xmlschema", "table_to_xml", "table_to_xmlschema", "table_to_xml_and_xmlschema",
        "schema_to_xml", "schema_to_xmlschema", "schema_to_xml_and_xmlschema", "database_to_xml",
        "database_to_xmlschema", "database_to_xml_and_xmlschema", "ts_stat", "ts_rewrite",
        "crosstab", "crosstab2", "crosstab3", "crosstab4", "crosstab_hash", "connectby",
        "xpath_table", "plpgsql_check_function", "hypopg_create_index",
    ),
    "reaches another server": (
        "dblink", "dblink_connect", "dblink_connect_u", "dblink_exec", "dblink_open",
        "dblink_send_query", "dblink_fetch", "dblink_get_result", "postgres_fdw_get_connections",
        "http", "http_get", "http_post", "http_put", "http_delete", "http_head", "urlencode",
        "net_http_get", "net_http_post", "aws_s3_export", "query_export_to_s3",
        "table_import_from_s3", "lambda_invoke", "invoke",
    ),
    "reads or writes files of the server": (
        "pg_read_file", "pg_read_file_old", "pg_read_binary_file", "pg_file_read", "pg_file_write",
        "pg_file_sync", "pg_file_rename", "pg_file_unlink", "pg_ls_dir", "pg_ls_logdir",
        "pg_ls_waldir", "pg_ls_tmpdir", "pg_ls_archive_statusdir", "pg_stat_file",
        "pg_current_logfile", "pg_logdir_ls", "lo_import", "lo_export",
    ),
    "writes large objects": (
        "lo_create", "lo_creat", "lo_from_bytea", "lo_put", "lo_open", "lowrite", "lo_truncate",
        "lo_truncate64",
    ),
    "reads large objects": ("lo_get", "loread"),
    "writes into the log of the server": (
        "pg_logical_emit_message", "pg_log_backend_memory_contexts",
    ),
    "reads what others wrote": (
        "pg_logical_slot_get_changes", "pg_logical_slot_peek_changes",
        "pg_logical_slot_get_binary_changes", "pg_logical_slot_peek_binary_changes",
        "pg_create_logical_replication_slot", "pg_create_physical_replication_slot",
        "pg_get_wal_records_info", "pg_get_wal_block_info", "get_raw_page", "heap_page_items",
        "heap_page_item_attrs", "bt_page_items", "brin_page_items", "gin_leafpage_items",
        "hash_page_items", "pgstattuple", "pg_stat_statements",
    ),
}  # fmt: skip
_WHAT: Final = {name: what for what, names in WAYS_OUT.items() for name in names}


def check(case: Case) -> Iterator[Hit]:
    """Calls by name, in whatever schema: who shadows such a name has a reason."""
    told = set()
    for called, node in case.calls(*_WHAT):
        told.add(called[-1])
        yield Hit(message=f"{called[-1]}() {_WHAT[called[-1]]}", position=case.at(node))
    for call in case.lineage.calls:
        if call.name in _WHAT and call.name not in told:
            yield Hit(message=f"{call.name}() {_WHAT[call.name]}", position=call.position)


RULE = Rule(
    code="PM632",
    name="ways-out",
    severity=Severity.DENY,
    check=check,
    catalogue=False,
    example="SELECT query_to_xml('SELECT phone FROM crm_store.customer', true, false, '')",
    ok="SELECT xmlforest(id, status) FROM crm.customer WHERE id = 1",
)
