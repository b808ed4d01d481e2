/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "loader/agree.h"
#include "loader/loader.h"

#define SLOT(kind, table, slot) #kind, offsetof(struct plugin, kind) + offsetof(struct table, slot)
#define SECRET(slot) SLOT(secret, mortise_secret_ops, slot)
#define STATE(slot) SLOT(state, mortise_state_ops, slot)
#define SINK(slot) SLOT(sink, mortise_sink_ops, slot)
#define PROVIDER(slot) SLOT(provider, mortise_provider_ops, slot)

/* Every operation once; those of a kind stand together. */
static const struct {
	uint64_t bit;
	const char *name, *kind;
	size_t slot;		/* in struct plugin */
} operations[] = {
	{MORTISE_CAN_SECRET_GET, "get", SECRET(get)},
	{MORTISE_CAN_SECRET_PUT, "put", SECRET(put)},
	{MORTISE_CAN_SECRET_DELETE, "delete", SECRET(remove)},
	{MORTISE_CAN_SECRET_LIST, "list", SECRET(list)},
	{MORTISE_CAN_SECRET_DESCRIBE, "describe", SECRET(describe)},
	{MORTISE_CAN_SECRET_UNDO, "undo", SECRET(undo)},
	{MORTISE_CAN_STATE_GET, "get", STATE(get)},
	{MORTISE_CAN_STATE_TAKE, "take", STATE(take)},
	{MORTISE_CAN_STATE_PUT, "put", STATE(put)},
	{MORTISE_CAN_STATE_DELETE, "delete", STATE(remove)},
	{MORTISE_CAN_STATE_LIST, "list", STATE(list)},
	{MORTISE_CAN_STATE_CLAIM, "claim", STATE(claim)},
	{MORTISE_CAN_STATE_EXTEND, "extend", STATE(extend)},
	{MORTISE_CAN_STATE_RELEASE, "release", STATE(release)},
	{MORTISE_CAN_SINK_EMIT, "emit", SINK(emit)},
	{MORTISE_CAN_SINK_FLUSH, "flush", SINK(flush)},
	{MORTISE_CAN_SINK_POSITION, "position", SINK(position)},
	{MORTISE_CAN_SINK_READ, "read", SINK(read)},
	{MORTISE_CAN_SINK_ERASE, "erase", SINK(erase)},
	{MORTISE_CAN_PROVIDER_EXCHANGE, "exchange", PROVIDER(exchange)},
	{MORTISE_CAN_PROVIDER_REFRESH, "refresh", PROVIDER(refresh)},
	{MORTISE_CAN_PROVIDER_REVOKE, "revoke", PROVIDER(revoke)},
};

/* All function pointers are of one size; which type one has is of no matter here. */
typedef void any_function(void);
#define SLOTS(table) (sizeof(struct table) / sizeof(any_function *) - 1)
_Static_assert(ARRAY_SIZE(operations) == SLOTS(mortise_secret_ops) + SLOTS(mortise_state_ops) +
    SLOTS(mortise_sink_ops) + SLOTS(mortise_provider_ops), "a slot without a row");

uint64_t
plugin_slots(const struct plugin *plugin)
{
	any_function *function;
	uint64_t can = 0;

	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		memcpy(&function, (const char *)plugin + operations[i].slot, sizeof(function));
		if (function != NULL)
			can |= operations[i].bit;
	}
	return can;
}

const char *
plugin_operation_name(uint64_t bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		if (operations[i].bit == bit)
			return operations[i].name;
	}
	return NULL;
}

void
plugin_operations(uint64_t can, struct buffer *out)
{
	const char *kind = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		if ((can & operations[i].bit) == 0)
			continue;
		if (kind == NULL || strcmp(kind, operations[i].kind) != 0)
			buffer_format(out, "%s%s:", kind == NULL ? "" : "; ", operations[i].kind);
		kind = operations[i].kind;
		buffer_format(out, " %s", operations[i].name);
	}
}
