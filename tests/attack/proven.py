"""Rows of the catalogue of attacks that tests elsewhere prove, by the id of the test."""

from __future__ import annotations

from typing import Final

from tests.attack.model import Proven

_UPSERT: Final = "tests/sealing/test_upsert.py::"
_STASH: Final = "tests/sealing/test_stash.py::"
_WRITES: Final = "tests/sealing/test_writes.py::"
_CRYPTO: Final = "tests/sealing/test_crypto.py::"
_IDENTITY: Final = "tests/runtime/test_identity.py::"
_PLAN: Final = "tests/spine/"


def _row(id_: str, actor: str, does: str, result: str, test: str) -> Proven:
    return Proven(id=id_, actor=actor, does=does, result=result, test=test)


ROWS: Final[tuple[Proven, ...]] = (
    _row("R02-colliding-masks", "ann", "upsert a new truth whose mask is the stored one",
         "the new truth is stored", _UPSERT + "test_do_update"),
    _row("R02-other-targets", "ann", "upsert by another conflict target or two candidates",
         "the new truth is stored", _UPSERT + "test_other_conflict_targets"),
    _row("R02-two-in-one", "ann", "two upserts in one transaction, many rows, the same row twice",
         "the right truths are stored, or 21000", _UPSERT + "test_two_in_one_transaction"),
    _row("R04-no-comparing", "ann", "confirm a guess by comparing truths in an upsert",
         "right and wrong guess look alike", _UPSERT + "test_no_guess_by_comparing"),
    _row("R07-do-nothing", "ann", "leave data keys behind by inserts that do nothing",
         "no data key is made", _UPSERT + "test_do_nothing"),
    _row("R02-plain-elsewhere", "ann", "carry a plain value into another column by EXCLUDED",
         "masked", _UPSERT + "test_no_plain_value_reaches_another_column"),
    _row("R02-stash", "ann", "erase, forge or confuse what an upsert carries between its triggers",
         "refused", _STASH + "test_attack"),
    _row("R02-stash-replayed", "ann", "replay it in another transaction",
         "refused", _STASH + "test_replayed_from_another_transaction"),
    _row("R02-stash-read", "ann", "read a truth in it", "ciphertext only",
         _STASH + "test_the_stash_shows_nothing"),
    _row("R02-stash-planted", "ann", "plant it before the statement", "without effect",
         _STASH + "test_set_before_the_statement"),
    _row("R08-changed-key", "ann", "change a primary key or move a row to another subject",
         "sealed anew, the old key retired", _WRITES + "test_changed_key_and_subject"),
    _row("R10-check", "rex", "store plain text past a switched-off trigger",
         "refused (23514)", _WRITES + "test_the_check_is_the_promise"),
    _row("R11-always", "rex", "write in the replica role", "sealed all the same",
         _WRITES + "test_always_also_in_replica_role"),
    _row("R12-drift", "rex", "change owner, option, policy, trigger, grant, function or comment",
         "reported", _PLAN + "test_drift.py::test_tampering_is_named_and_put_back"),
    _row("R15-stands-in-the-way", "dba",
         "adopt a table with rules, policies, functions or publications that would leak",
         "refused by name", _PLAN + "test_refused.py::test_is_refused_by_name"),
    _row("R18-copy", "dba", "COPY plain rows into a store table", "refused",
         _WRITES + "test_copy_into_the_store_is_refused"),
    _row("R30-carried", "rex", "insert a row with another row's sealed value", "refused",
         _WRITES + "test_carried_rows"),
    _row("R41-merge", "ann", "write by MERGE (PostgreSQL 17 and newer)", "sealed",
         _WRITES + "test_merge"),
    _row("R51-masks", "ann", "write back this and other masks, one by one",
         "kept, or refused", _WRITES + "test_another_mask_is_refused"),
    _row("R56-typed", "ann", "write a number or date that equals its mask", "stored as written",
         _WRITES + "test_typed_column"),
    _row("R60-forced", "dba", "validate a foreign key or write as the owner under forced security",
         "refused (PM220)", _PLAN + "test_force.py::test_owner_statements_fail_loudly"),
    _row("R61-children", "dba", "leave a partition or an inheritance child open",
         "closed too", _PLAN + "test_force.py::test_partitions_and_children_are_closed_too"),
    _row("R37-backup", "nightly", "dump every row", "masks and ciphertext, none left out",
         _PLAN + "test_force.py::test_the_backup_role_dumps_every_row"),
    _row("A32-publications", "dba", "publish the added columns of a store",
         "left out",
         _PLAN + "test_refused.py::test_a_publication_sends_the_applications_columns_only"),
    _row("C3-grant-option", "ann", "pass a right on", "refused",
         _PLAN + "test_views.py::test_nobody_can_pass_a_right_on"),
    _row("D05-tampering", "rex", "change, cut or move a sealed value", "refused (PM315)",
         _CRYPTO + "test_tampering_and_wrong_place"),
    _row("D01-key-faults", "dba", "run with a missing, wrong, truncated or damaged key file",
         "refused (PM310 to PM313)", _CRYPTO + "test_key_faults_are_told_apart"),
    _row("D01-keys-closed", "app", "reach a key or a function that opens values", "refused (42501)",
         _CRYPTO + "test_applications_reach_no_key"),
    _row("C04-prepared-transaction", "ann", "carry an identity through a prepared transaction",
         "gone", _IDENTITY + "test_two_phase_commit_leaves_nothing_behind"),
    _row("C04-savepoint", "ann", "keep an identity after rolling back to before its login",
         "gone", _IDENTITY + "test_rolling_back_to_before_the_login_takes_it_away"),
    _row("C04-claims", "app", "sign rightly and claim wrongly, claim by claim", "refused (PM103)",
         _IDENTITY + "test_rightly_signed_but_wrong_claims_are_refused"),
    _row("C04-algorithm", "app", "name another algorithm, or none", "refused (PM103)",
         _IDENTITY + "test_only_one_algorithm"),
    _row("C04-token-fields", "ann", "edit a token, field by field", "refused (PM103)",
         _IDENTITY + "test_an_edited_token_is_refused"),
    _row("C04-no-secret", "ann", "find the secret in plans, notices or errors", "nothing found",
         _IDENTITY + "test_no_secret_in_plans_notices_or_errors"),
    _row("A52-settings", "ann", "bend the identity check by one's own settings", "unchanged",
         _IDENTITY + "test_settings_of_the_caller_do_not_reach_the_check"),
    _row("E01-default-privileges", "dba",
         "install where default privileges would open what is made", "refused (PM026)",
         "tests/attack/test_before.py::test_default_privileges_stop_an_install"),
    _row("E01-default-privileges-apply", "dba",
         "apply where default privileges would open the views", "refused (PM236)",
         "tests/attack/test_before.py::test_default_privileges_stop_an_apply"),
    _row("E01-planted-schema", "mallory", "make a profile's schema before pgmask does",
         "refused (PM242)", "tests/attack/test_before.py::test_a_planted_schema_is_not_used"),
    _row("E01-planted-role", "mallory",
         "make a profile's view owner before pgmask does (PostgreSQL 16 and newer)",
         "refused (PM242)", "tests/attack/test_before.py::test_a_planted_role_is_not_used"),
    _row("E01-no-superuser", "dba", "install without superuser", "works, and checks its own marks",
         "tests/runtime/test_install.py::test_installs_once_and_finds_itself_afterwards"),
)  # fmt: skip
