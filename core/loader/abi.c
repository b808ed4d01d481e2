/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layout of everything that crosses between core and plugins, on LP64.  A
 * line here that fails means: plugins that are out there would break.  Fields
 * are only added at the end of a struct that begins with its size, with a new
 * line here; a struct without a size (version, pair) never changes.
 */
#include <mortise/plugin.h>

/* The last of each enum: a value that moved would show here. */
_Static_assert(MORTISE_ERROR == 9, "a code moved");
_Static_assert(MORTISE_REASON_UNCHECKABLE == 12, "a reason moved");
_Static_assert(MORTISE_LOG_DEBUG == 3, "a level moved");
_Static_assert(MORTISE_OPTION_GROUP == 8, "an option type moved");
_Static_assert(MORTISE_THREADS_FREE == 1, "a thread rule moved");
_Static_assert(MORTISE_REACH_NETWORK == 2, "a reach moved");

#if defined(__LP64__)

#define SIZE(type, bytes) \
	_Static_assert(sizeof(struct type) == (bytes), "the size of struct " #type " changed")
#define FIELD(type, field, at) \
	_Static_assert(offsetof(struct type, field) == (at), #field " moved in struct " #type)

SIZE(mortise_version, 65);
FIELD(mortise_version, text, 0);

SIZE(mortise_pair, 16);
FIELD(mortise_pair, name, 0);
FIELD(mortise_pair, value, 8);

SIZE(mortise_option, 88);
FIELD(mortise_option, size, 0);
FIELD(mortise_option, name, 8);
FIELD(mortise_option, doc, 16);
FIELD(mortise_option, type, 24);
FIELD(mortise_option, flags, 28);
FIELD(mortise_option, initial, 32);
FIELD(mortise_option, minimum, 40);
FIELD(mortise_option, maximum, 48);
FIELD(mortise_option, words, 56);
FIELD(mortise_option, members, 64);
FIELD(mortise_option, chosen_by, 72);
FIELD(mortise_option, chosen_for, 80);

SIZE(mortise_receipt, 448);
FIELD(mortise_receipt, size, 0);
FIELD(mortise_receipt, idempotency_key, 8);
FIELD(mortise_receipt, existed, 44);
FIELD(mortise_receipt, before, 48);
FIELD(mortise_receipt, made, 113);
FIELD(mortise_receipt, opaque_size, 184);
FIELD(mortise_receipt, opaque, 192);

SIZE(mortise_secret_put, 48);
FIELD(mortise_secret_put, size, 0);
FIELD(mortise_secret_put, value, 8);
FIELD(mortise_secret_put, labels, 16);
FIELD(mortise_secret_put, labels_count, 24);
FIELD(mortise_secret_put, only_if, 32);
FIELD(mortise_secret_put, only_if_absent, 40);

SIZE(mortise_history, 104);
FIELD(mortise_history, size, 0);
FIELD(mortise_history, version, 8);
FIELD(mortise_history, created_ms, 80);
FIELD(mortise_history, deleted_ms, 88);
FIELD(mortise_history, destroyed, 96);

SIZE(mortise_state_put, 64);
FIELD(mortise_state_put, size, 0);
FIELD(mortise_state_put, value, 8);
FIELD(mortise_state_put, value_size, 16);
FIELD(mortise_state_put, ttl_ms, 24);
FIELD(mortise_state_put, only_if_absent, 32);
FIELD(mortise_state_put, only_if, 40);
FIELD(mortise_state_put, index, 48);
FIELD(mortise_state_put, due_ms, 56);

SIZE(mortise_record, 120);
FIELD(mortise_record, size, 0);
FIELD(mortise_record, key, 8);
FIELD(mortise_record, value, 16);
FIELD(mortise_record, value_size, 24);
FIELD(mortise_record, version, 32);
FIELD(mortise_record, expires_ms, 104);
FIELD(mortise_record, fence, 112);

SIZE(mortise_lease, 40);
FIELD(mortise_lease, size, 0);
FIELD(mortise_lease, key, 8);
FIELD(mortise_lease, owner, 16);
FIELD(mortise_lease, fence, 24);
FIELD(mortise_lease, lease_ms, 32);

SIZE(mortise_line, 56);
FIELD(mortise_line, size, 0);
FIELD(mortise_line, trail, 8);
FIELD(mortise_line, seq, 16);
FIELD(mortise_line, line, 24);
FIELD(mortise_line, line_size, 32);
FIELD(mortise_line, fields, 40);
FIELD(mortise_line, fields_count, 48);

SIZE(mortise_grant, 48);
FIELD(mortise_grant, size, 0);
FIELD(mortise_grant, redirect_uri, 8);
FIELD(mortise_grant, code, 16);
FIELD(mortise_grant, verifier, 24);
FIELD(mortise_grant, access_token, 32);
FIELD(mortise_grant, refresh_token, 40);

SIZE(mortise_host, 240);
FIELD(mortise_host, size, 0);
FIELD(mortise_host, abi_major, 8);
FIELD(mortise_host, abi_minor, 12);
FIELD(mortise_host, fail, 16);
FIELD(mortise_host, fail_detail, 24);
FIELD(mortise_host, log, 32);
FIELD(mortise_host, deadline, 40);
FIELD(mortise_host, left_ms, 48);
FIELD(mortise_host, secret_new, 56);
FIELD(mortise_host, secret_append, 64);
FIELD(mortise_host, secret_peek, 72);
FIELD(mortise_host, secret_free, 80);
FIELD(mortise_host, option_string, 88);
FIELD(mortise_host, option_number, 96);
FIELD(mortise_host, option_given, 104);
FIELD(mortise_host, option_count, 112);
FIELD(mortise_host, option_at, 120);
FIELD(mortise_host, option_secret, 128);
FIELD(mortise_host, option_fail, 136);
FIELD(mortise_host, add_name, 144);
FIELD(mortise_host, add_history, 152);
FIELD(mortise_host, add_record, 160);
FIELD(mortise_host, add_row, 168);
FIELD(mortise_host, set_cursor, 176);
FIELD(mortise_host, note_generation, 184);
FIELD(mortise_host, noted_generation, 192);
FIELD(mortise_host, resolve, 200);
FIELD(mortise_host, spawn, 208);
FIELD(mortise_host, rollback_accepted, 216);
FIELD(mortise_host, backend_options, 224);
FIELD(mortise_host, recoverable_days, 232);

SIZE(mortise_secret_ops, 56);
FIELD(mortise_secret_ops, size, 0);
FIELD(mortise_secret_ops, get, 8);
FIELD(mortise_secret_ops, put, 16);
FIELD(mortise_secret_ops, remove, 24);
FIELD(mortise_secret_ops, list, 32);
FIELD(mortise_secret_ops, describe, 40);
FIELD(mortise_secret_ops, undo, 48);

SIZE(mortise_state_ops, 72);
FIELD(mortise_state_ops, size, 0);
FIELD(mortise_state_ops, get, 8);
FIELD(mortise_state_ops, take, 16);
FIELD(mortise_state_ops, put, 24);
FIELD(mortise_state_ops, remove, 32);
FIELD(mortise_state_ops, list, 40);
FIELD(mortise_state_ops, claim, 48);
FIELD(mortise_state_ops, extend, 56);
FIELD(mortise_state_ops, release, 64);

SIZE(mortise_sink_ops, 48);
FIELD(mortise_sink_ops, size, 0);
FIELD(mortise_sink_ops, emit, 8);
FIELD(mortise_sink_ops, flush, 16);
FIELD(mortise_sink_ops, position, 24);
FIELD(mortise_sink_ops, read, 32);
FIELD(mortise_sink_ops, erase, 40);

SIZE(mortise_provider_ops, 32);
FIELD(mortise_provider_ops, size, 0);
FIELD(mortise_provider_ops, exchange, 8);
FIELD(mortise_provider_ops, refresh, 16);
FIELD(mortise_provider_ops, revoke, 24);

SIZE(mortise_command, 48);
FIELD(mortise_command, size, 0);
FIELD(mortise_command, name, 8);
FIELD(mortise_command, doc, 16);
FIELD(mortise_command, options, 24);
FIELD(mortise_command, flags, 32);
FIELD(mortise_command, run, 40);

SIZE(mortise_plugin, 152);
FIELD(mortise_plugin, size, 0);
FIELD(mortise_plugin, magic, 8);
FIELD(mortise_plugin, abi_major, 12);
FIELD(mortise_plugin, abi_minor, 16);
FIELD(mortise_plugin, name, 24);
FIELD(mortise_plugin, version, 32);
FIELD(mortise_plugin, doc, 40);
FIELD(mortise_plugin, threads, 48);
FIELD(mortise_plugin, reach, 52);
FIELD(mortise_plugin, flags, 56);
FIELD(mortise_plugin, options, 64);
FIELD(mortise_plugin, open, 72);
FIELD(mortise_plugin, close, 80);
FIELD(mortise_plugin, check, 88);
FIELD(mortise_plugin, identity, 96);
FIELD(mortise_plugin, offers, 104);
FIELD(mortise_plugin, secret, 112);
FIELD(mortise_plugin, state, 120);
FIELD(mortise_plugin, sink, 128);
FIELD(mortise_plugin, provider, 136);
FIELD(mortise_plugin, commands, 144);

#endif
