/* SPDX-License-Identifier: BSD-2-Clause */
#include "local.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What init was given, for open, which is not; set once and never changed. */
static const struct mortise_host *the_host;

/* --- open and close ------------------------------------------------------------ */

void
store_free(struct store *store)
{
	store->call = NULL;
	if (store->db != NULL)
		store_disconnect(store);
	keys_forget(store);
	EVP_CIPHER_free(store->gcm);
	EVP_KDF_free(store->hkdf);
	EVP_MAC_CTX_free(store->mac);
	EVP_MAC_free(store->hmac);
	free(store->path);
	free(store);
}

static enum mortise_code
fetch_algorithms(struct store *store)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	store->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	store->hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	store->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	store->mac = store->hmac == NULL ? NULL : EVP_MAC_CTX_new(store->hmac);
	return store->gcm != NULL && store->hkdf != NULL && store->mac != NULL &&
	    EVP_MAC_CTX_set_params(store->mac, params) == 1 ? MORTISE_OK : fail_crypto(store);
}

/* What the trail holds is asked before the store is read, so that a write in
 * between makes the store newer and not older. */
struct noted {
	bool any, accepted;		/* accepted: an older store, or another one */
	char id[65];
	uint64_t generation;
};

/* The store is older than the trail says, or another one, and that is accepted: a
 * commit beyond what the trail holds ends the matter. */
static enum mortise_code
make_newest(struct store *store, const struct noted *noted)
{
	bool other = strcmp(noted->id, store->id_text) != 0;
	enum mortise_code code;

	if (!other && (uint64_t)store->seen >= noted->generation)
		return MORTISE_OK;
	code = store_begin(store, true);
	if (code != MORTISE_OK)
		return code;
	if (!other && (uint64_t)store->header.generation < noted->generation)
		store->header.generation = (int64_t)noted->generation;
	return store_commit(store);
}

static enum mortise_code
check_noted(struct store *store, const struct noted *noted)
{
	const struct mortise_host *host = store->host;

	if (!noted->any)
		return MORTISE_OK;
	if (noted->accepted)
		return make_newest(store, noted);
	if (strcmp(noted->id, store->id_text) != 0)
		return host->fail(store->call, MORTISE_ERROR, MORTISE_REASON_ROLLBACK,
		    "%s is the store %s, and the trail knows %s here", store->path, store->id_text, noted->id);
	if ((uint64_t)store->seen < noted->generation)
		return host->fail(store->call, MORTISE_ERROR, MORTISE_REASON_ROLLBACK,
		    "%s is older than the trail says: generation %lld and not %llu",
		    store->path, (long long)store->seen, (unsigned long long)noted->generation);
	return MORTISE_OK;
}

enum mortise_code
store_unlock(struct store *store)
{
	enum mortise_code code = store_begin(store, false);

	if (code != MORTISE_OK)
		return code;
	store_abort(store);
	for (size_t i = 0; i < ID_SIZE; i++)
		(void)snprintf(store->id_text + 2 * i, 3, "%02x", store->id[i]);
	return MORTISE_OK;
}

struct store *
store_new(struct mortise_call *call, const struct mortise_options *options)
{
	const struct mortise_host *host = the_host;
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL) {
		(void)host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE, "out of memory");
		return NULL;
	}
	store->host = host;
	store->call = call;
	store->options = options;
	clock_boot(store->boot);
	if (fetch_algorithms(store) == MORTISE_OK)
		return store;
	store_free(store);
	return NULL;
}

static enum mortise_code
open_store(struct mortise_call *call, const struct mortise_options *options, void **instance)
{
	const struct mortise_host *host = the_host;
	struct store *store = store_new(call, options);
	struct noted noted = {0};
	enum mortise_code code;

	if (store == NULL)
		return MORTISE_UNAVAILABLE;
	store->versions = host->option_number(options, "versions");
	noted.any = host->noted_generation(call, noted.id, &noted.generation) &&
	    noted.id[0] != '\0';
	noted.accepted = noted.any && host->rollback_accepted(call);
	code = file_prepare(store, noted.any && !noted.accepted);
	if (code == MORTISE_OK)
		code = store_connect(store, noted.any && !noted.accepted);
	if (code == MORTISE_OK)
		code = store_unlock(store);
	if (code == MORTISE_OK)
		code = check_noted(store, &noted);
	if (code != MORTISE_OK) {
		store_free(store);
		return code;
	}
	*instance = store;
	return MORTISE_OK;
}

static void
close_store(void *instance)
{
	store_free(instance);
}

static const char *
identity(void *instance)
{
	const struct store *store = instance;

	return store->id_text;
}

/* --- the descriptor -------------------------------------------------------------- */

static const struct mortise_option path_option = {
	.size = sizeof(path_option),
	.name = "path",
	.doc = "the store's file; made where there is none",
	.type = MORTISE_OPTION_STRING,
	.flags = MORTISE_OPTION_REQUIRED | MORTISE_OPTION_PATH,
};
static const struct mortise_option key_option = {
	.size = sizeof(key_option),
	.name = "key",
	.doc = "its key, as a value form or a list of them: base64 of 32 random bytes",
	.type = MORTISE_OPTION_STRING,
	.flags = MORTISE_OPTION_REQUIRED | MORTISE_OPTION_SECRET,
};
/* Two at least: the one before the newest is what a put that is undone goes back to. */
static const struct mortise_option versions_option = {
	.size = sizeof(versions_option),
	.name = "versions",
	.doc = "how many versions of each secret are kept",
	.type = MORTISE_OPTION_INT,
	.initial = "10",
	.minimum = 2,
	.maximum = 1000,
};
static const struct mortise_option *const options[] = {&path_option, &key_option,
    &versions_option, NULL};

static const struct mortise_plugin plugin = {
	.size = sizeof(plugin),
	.magic = MORTISE_PLUGIN_MAGIC,
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.name = "local",
	.version = VERSION_TEXT,
	.doc = "secrets and state in one encrypted file on this host",
	.threads = MORTISE_THREADS_SERIAL,
	.reach = MORTISE_REACH_HOST,
	.flags = MORTISE_PLUGIN_DURABLE,
	.options = options,
	.open = open_store,
	.close = close_store,
	.check = walk_check,
	.identity = identity,
	.secret = &secret_ops,
	.state = &state_ops,
	.commands = commands,
};

enum mortise_code
mortise_plugin_init(const struct mortise_host *host, struct mortise_call *call,
    const struct mortise_plugin **result)
{
	if (host->size < sizeof(*host))
		return host->fail(call, MORTISE_UNSUPPORTED, MORTISE_REASON_CONFIGURATION,
		    "this Mortise is older than the plugin local; upgrade it");
	the_host = host;
	*result = &plugin;
	return MORTISE_OK;
}
