/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/verify_keys.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/bytes.h"

#define KEY_SIZE 32
#define SIGNATURE_SIZE 64
#define NUMBER_LIMIT (INT64_C(1) << 53)

/* What is signed, and with what; the texts are known to be of their form. */
struct checkpoint {
	int64_t of, epoch;
	const char *trail, *hash, *key, *next, *ts, *signature;
};

static enum mortise_reason _printf_(3, 4)
say(struct key_chain *chain, enum mortise_reason reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(chain->words, sizeof(chain->words), format, args);
	va_end(args);
	return reason;
}

static bool
is_hex(const char *text, size_t digits)
{
	return text != NULL && strlen(text) == digits &&
	    strspn(text, "0123456789abcdef") == digits;
}

static bool
is_time(const char *ts)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.ddddddZ";

	if (ts == NULL || strlen(ts) != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		if (shape[i] == 'd' ? ts[i] < '0' || ts[i] > '9' : ts[i] != shape[i])
			return false;
	}
	return true;
}

static bool
is_number(int64_t number)
{
	return number >= 1 && number < NUMBER_LIMIT;
}

static bool
has_form(const struct checkpoint *c)
{
	return is_number(c->of) && is_number(c->epoch) && is_hex(c->trail, 32) &&
	    is_hex(c->hash, 64) && is_hex(c->key, 64) &&
	    (c->next[0] == '\0' || is_hex(c->next, 64)) && is_time(c->ts) &&
	    is_hex(c->signature, 128);
}

/* --- one signature ----------------------------------------------------------- */

/* 1: good; 0: not; negative: libcrypto cannot say. */
static int
verify_bytes(const char *key, const char *signature, const char *text, size_t size)
{
	unsigned char key_bytes[KEY_SIZE], signature_bytes[SIGNATURE_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY *public;
	int result = -1;

	(void)hex_decode(key, key_bytes, sizeof(key_bytes));
	(void)hex_decode(signature, signature_bytes, sizeof(signature_bytes));
	public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key_bytes, sizeof(key_bytes));
	if (context != NULL && public != NULL &&
	    EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1)
		result = EVP_DigestVerify(context, signature_bytes, sizeof(signature_bytes),
		    (const unsigned char *)text, size);
	EVP_PKEY_free(public);
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return result;
}

static enum mortise_reason
check_signature(struct key_chain *chain, const struct checkpoint *c)
{
	char text[512];
	int size = snprintf(text, sizeof(text),
	    "mortise-trail-v1\ncheckpoint\n%s\n%lld\n%s\n%lld\n%s\n%s\n", c->trail,
	    (long long)c->of, c->hash, (long long)c->epoch, c->next, c->ts);
	int result = verify_bytes(c->key, c->signature, text, (size_t)size);

	if (result < 0)
		return say(chain, MORTISE_REASON_UNCHECKABLE, "libcrypto verifies no Ed25519");
	return result == 1 ? MORTISE_REASON_NONE :
	    say(chain, MORTISE_REASON_DIFFERENCE, "the signature is wrong");
}

/* --- what is known ----------------------------------------------------------- */

static void
add_known(struct key_chain *chain, int64_t epoch, const char *key)
{
	struct known_key *known = &chain->known[chain->known_count++];

	known->epoch = epoch;
	(void)snprintf(known->key, sizeof(known->key), "%s", key);
}

bool
key_chain_begin(struct key_chain *chain, const struct mortise_verify_options *options)
{
	/* A checkpoint has two keys. */
	chain->known = calloc(options->keys_count + 2 * options->checkpoint_files_count + 1,
	    sizeof(*chain->known));
	for (size_t i = 0; chain->known != NULL && i < options->keys_count; i++) {
		uint64_t epoch = options->keys[i].epoch;

		add_known(chain, epoch > INT64_MAX ? INT64_MAX : (int64_t)epoch,
		    options->keys[i].key);
	}
	return chain->known != NULL;
}

void
key_chain_free(struct key_chain *chain)
{
	free(chain->known);
	*chain = (struct key_chain){.known = NULL};
}

/* false: it is known, and another. */
static bool
fits_known(struct key_chain *chain, int64_t epoch, const char *key)
{
	for (size_t i = 0; i < chain->known_count; i++) {
		if (chain->known[i].epoch != epoch)
			continue;
		if (strcmp(chain->known[i].key, key) != 0)
			return false;
		chain->led = true;
	}
	return true;
}

static const char *
text_in(const json_t *tree, const char *key)
{
	return json_string_value(json_object_get(tree, key));
}

static int64_t
number_in(const json_t *tree, const char *key)
{
	const json_t *value = json_object_get(tree, key);

	return json_is_integer(value) ? json_integer_value(value) : 0;
}

bool
key_chain_read(struct key_chain *chain, const char *path, int64_t *of, char hash[65],
    char trail[33])
{
	json_t *tree = json_load_file(path, 0, NULL);
	const json_t *next = json_object_get(tree, "next");
	const struct checkpoint c = {number_in(tree, "of"), number_in(tree, "epoch"),
	    text_in(tree, "trail"), text_in(tree, "h"), text_in(tree, "key"),
	    next == NULL ? "" : json_is_string(next) ? json_string_value(next) : "?",
	    text_in(tree, "ts"), text_in(tree, "sig")};
	bool good = has_form(&c);

	if (!good)
		(void)say(chain, MORTISE_REASON_UNCHECKABLE, "%.100s is no checkpoint", path);
	else if (check_signature(chain, &c) != MORTISE_REASON_NONE) {
		good = false;
		(void)say(chain, MORTISE_REASON_UNCHECKABLE, "%.100s: its signature is wrong",
		    path);
	} else {
		*of = c.of;
		memcpy(hash, c.hash, 65);
		memcpy(trail, c.trail, 33);
		add_known(chain, c.epoch, c.key);
		if (c.next[0] != '\0')
			add_known(chain, c.epoch + 1, c.next);
	}
	json_decref(tree);
	return good;
}

/* --- a checkpoint in the trail ------------------------------------------------ */

/* NULL: its key follows from what was before. */
static const char *
check_order(struct key_chain *chain, const struct checkpoint *c)
{
	int64_t due = chain->next[0] == '\0' ? chain->epoch : chain->epoch + 1;
	const char *key = chain->next[0] == '\0' ? chain->key : chain->next;

	if (chain->epoch == 0)
		return c->epoch == 1 || chain->anew ? NULL : "the first epoch is not 1";
	if (c->epoch == due)
		return strcmp(c->key, key) == 0 ? NULL : "another key than its epoch has";
	return c->epoch > due && chain->anew ? NULL : "its epoch does not follow";
}

static enum mortise_reason
take(struct key_chain *chain, const struct checkpoint *c)
{
	const char *fault = check_order(chain, c);
	int64_t due = chain->next[0] == '\0' ? chain->epoch : chain->epoch + 1;

	if (fault != NULL)
		return say(chain, MORTISE_REASON_DIFFERENCE, "%s", fault);
	/* A chain of its own, to which nothing that was known before leads. */
	if (chain->epoch != 0 && c->epoch != due) {
		chain->led = false;
		chain->begun = c->of + 1;
		chain->begun_epoch = c->epoch;
	}
	if (!fits_known(chain, c->epoch, c->key) ||
	    (c->next[0] != '\0' && !fits_known(chain, c->epoch + 1, c->next)))
		return say(chain, MORTISE_REASON_DIFFERENCE, "another key than the known one");
	chain->epoch = c->epoch;
	chain->of = c->of;
	chain->anew = false;
	memcpy(chain->key, c->key, sizeof(chain->key));
	memcpy(chain->next, c->next, strlen(c->next) + 1);
	return check_signature(chain, c);
}

enum mortise_reason
key_chain_take(struct key_chain *chain, const struct scan_line *line, const char *trail,
    const char *before, char room[SCAN_ROOM])
{
	struct scan_value of, epoch, hash, key, next, signature;
	const struct scan_member members[] = {{"of", &of}, {"epoch", &epoch}, {"h", &hash},
	    {"key", &key}, {"next", &next}, {"sig", &signature}, {NULL, NULL}};
	struct checkpoint c = {.trail = trail, .ts = line->ts.text};

	scan_members(line, room, members);
	c.of = of.type == SCAN_INT ? of.number : 0;
	c.epoch = epoch.type == SCAN_INT ? epoch.number : 0;
	c.hash = hash.type == SCAN_TEXT ? hash.text : NULL;
	c.key = key.type == SCAN_TEXT ? key.text : NULL;
	c.next = next.type == SCAN_ABSENT ? "" : next.type == SCAN_TEXT && next.text[0] != '\0' ?
	    next.text : "?";
	c.signature = signature.type == SCAN_TEXT ? signature.text : NULL;
	if (!has_form(&c))
		return say(chain, MORTISE_REASON_DIFFERENCE, "malformed checkpoint");
	if (c.of != line->seq.number - 1 || strcmp(c.hash, before) != 0)
		return say(chain, MORTISE_REASON_DIFFERENCE, "a checkpoint of another record");
	return take(chain, &c);
}

enum mortise_reason
key_chain_end(struct key_chain *chain)
{
	int64_t reached = chain->next[0] == '\0' ? chain->epoch : chain->epoch + 1;

	for (size_t i = 0; i < chain->known_count; i++) {
		if (chain->known[i].epoch > reached)
			return say(chain, MORTISE_REASON_SHORT,
			    "signed to epoch %lld, but a key of epoch %lld is known",
			    (long long)reached, (long long)chain->known[i].epoch);
	}
	if (chain->known_count == 0 || chain->led)
		return MORTISE_REASON_NONE;
	return chain->begun != 0 ? say(chain, MORTISE_REASON_SHORT,
	    "record %lld begins keys anew, with epoch %lld, and no known key leads there",
	    (long long)chain->begun, (long long)chain->begun_epoch) :
	    say(chain, MORTISE_REASON_UNCHECKABLE, "the known keys are of earlier epochs");
}

void
key_chain_tell(const struct key_chain *chain, char words[KEY_CHAIN_WORDS])
{
	char begun[64] = "";

	words[0] = '\0';
	if (chain->begun != 0)
		(void)snprintf(begun, sizeof(begun), ", by keys begun anew at record %lld",
		    (long long)chain->begun);
	if (chain->epoch != 0)
		(void)snprintf(words, KEY_CHAIN_WORDS, ", signed to %lld in epoch %lld%s",
		    (long long)chain->of, (long long)chain->epoch, begun);
}
