/* SPDX-License-Identifier: BSD-2-Clause */
/* The plugin's descriptor, and what makes and ends an instance. */
#include "operations.h"
#include "store.h"

/* Set once, by mortise_plugin_init, before anything else runs. */
static const struct mortise_host *host;

static enum mortise_code
memory_open(struct mortise_call *call, const struct mortise_options *options, void **instance)
{
	int64_t max_records = host->option_number(options, "max-records");
	struct store *store = store_new(host, (size_t)max_records);

	if (store == NULL)
		return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	*instance = store;
	return MORTISE_OK;
}

static void
memory_close(void *instance)
{
	store_free(instance);
}

static const struct mortise_option max_records = {
	.size = sizeof(max_records),
	.name = "max-records",
	.doc = "how many records it holds at most; a put beyond is refused as unavailable",
	.type = MORTISE_OPTION_INT,
	.initial = "100000",
	.minimum = 1,
	.maximum = 100000000,
};

static const struct mortise_option *const options[] = {&max_records, NULL};

static const struct mortise_state_ops state = {
	.size = sizeof(state),
	.get = memory_get,
	.take = memory_take,
	.put = memory_put,
	.remove = memory_remove,
	.list = memory_list,
	.claim = memory_claim,
	.extend = memory_extend,
	.release = memory_release,
};

static const struct mortise_plugin plugin = {
	.size = sizeof(plugin),
	.magic = MORTISE_PLUGIN_MAGIC,
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.name = "memory",
	.version = "0.1.0",
	.doc = "state records in this process's memory; they end with it",
	.threads = MORTISE_THREADS_FREE,
	.reach = MORTISE_REACH_PROCESS,
	.options = options,
	.open = memory_open,
	.close = memory_close,
	.state = &state,
};

enum mortise_code
mortise_plugin_init(const struct mortise_host *table, struct mortise_call *call,
    const struct mortise_plugin **descriptor)
{
	(void)call;
	host = table;
	*descriptor = &plugin;
	return MORTISE_OK;
}
