/* SPDX-License-Identifier: BSD-2-Clause */
/* config: what is told about bad configurations, and what becomes of good ones. */
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../test.h"
#include "base/bytes.h"
#include "config/config.h"

static char directory[] = "/tmp/mortise-config-XXXXXX";
static char config_path[64];

static void
write_file(const char *name, const char *text, size_t size, mode_t mode)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	(void)unlink(path);
	file = fopen(path, "w");
	if (file == NULL || fwrite(text, 1, size, file) != size || fclose(file) != 0 ||
	    chmod(path, mode) != 0) {
		printf("Bail out! cannot write %s\n", path);
		exit(1);
	}
}

static unsigned int notes;

/* All problems as "line:column: message" lines; warnings begin with w. */
static void
collect(void *arg, enum mortise_level level, const char *file, unsigned int line,
    unsigned int column, const char *message)
{
	const char *slash = strrchr(file, '/');

	/* Notes name whole paths; test_drop_ins looks for them. */
	if (level == MORTISE_LOG_INFO) {
		notes += strstr(message, "replaces the one in /") != NULL;
		return;
	}
	if (slash != NULL && strcmp(slash, "/mortise.yaml") == 0)
		slash = NULL;
	buffer_format(arg, "%s%s%s%u:%u: %s\n", level == MORTISE_LOG_WARNING ? "w " : "",
	    slash == NULL ? "" : slash + 1, slash == NULL ? "" : ":", line, column, message);
}

/* The problems of a text; *config is set where there is none. */
static char *
read_text(const char *text, size_t size, struct config **config)
{
	struct buffer told = {0};
	struct problems problems = {.each = collect, .arg = &told};

	write_file("mortise.yaml", text, size, 0600);
	*config = NULL;
	(void)config_read(config_path, config, &problems);
	buffer_text(&told, "");
	return buffer_take(&told);
}

/* Each expected line is the beginning of the line that is told. */
static bool
same_lines(const char *told, const char *const *want)
{
	for (; *want != NULL; want++) {
		const char *end = strchr(told, '\n');

		if (end == NULL || strncmp(told, *want, strlen(*want)) != 0)
			return false;
		told = end + 1;
	}
	return *told == '\0';
}

#define HEAD "version: 1\nbackends: {a: {plugin: memory}, b: {plugin: memory}}\n"
#define SECRET "secret: [{match: \"*\", use: a}]\n"
#define AUDIT "audit: {trail: {path: t}}\n"

static const struct {
	const char *name, *text;
	const char *want[4];
} bad[] = {
	{"nothing", "", {"1:1: version is missing", "1:1: backends is missing",
	    "1:1: secret is missing", "1:1: audit is missing"}},
	{"a list", "[1]\n", {"1:1: a configuration is a map"}},
	{"no YAML", "version: 1\n  x: [\n", {"2:4: not YAML: mapping values are not allowed"}},
	{"an open quote", "version: \"1\n", {"2:1: not YAML: found unexpected end of stream"}},
	{"a tab", "version: 1\n\tx: 1\n", {"2:1: not YAML: "}},
	{"an anchor and an alias", HEAD SECRET "audit: &x {trail: {path: t}}\n",
	    {"4:8: an anchor (&name): not used here"}},
	{"an alias", HEAD SECRET "audit: *x\n", {"4:8: an alias (*name): not used here"}},
	{"a tag", HEAD SECRET "audit: !t {trail: {path: t}}\n", {"4:8: a tag (!name)"}},
	{"a merge key", HEAD SECRET AUDIT "<<: {deadline: 1s}\n", {"5:1: a merge key (<<)",
	    "5:1: unknown key <<"}},
	{"a key twice", HEAD SECRET AUDIT "version: 1\n",
	    {"5:1: version is here twice, first in line 1; remove one of them"}},
	{"two documents", HEAD SECRET AUDIT "---\nversion: 1\n", {"5:1: a second document"}},
	{"a key that is no word", HEAD SECRET AUDIT "? [1]\n: 2\n", {"5:3: a key that is no word"}},
	{"a NUL", HEAD SECRET AUDIT "deadline: \"1s\\0\"\n", {"5:11: a NUL byte"}},
	{"columns are characters", HEAD "secret: [{match: \"\xc3\xa4\xc3\xb6\", use: x}, {match: "
	    "\"*\", use: a}]\n"
	    AUDIT, {"3:29: x is no backend"}},
	{"another version", "version: 2\nbackends: {a: {plugin: memory}}\n" SECRET AUDIT,
	    {"1:10: this program reads version 1"}},
	{"a typo", HEAD SECRET AUDIT "dedline: 1s\n",
	    {"5:1: unknown key dedline in the configuration; did you mean deadline?"}},
	{"an unbuilt part", HEAD SECRET AUDIT "policy: []\ndaemon: {}\n",
	    {"5:1: policy is not part of this version yet; remove it",
	    "6:1: daemon is not part of this version yet"}},
	{"a bad deadline", HEAD SECRET AUDIT "deadline: 10\n",
	    {"5:11: deadline must be a duration"}},
	{"a zero deadline", HEAD SECRET AUDIT "deadline: 0s\n",
	    {"5:11: deadline must be a duration"}},
	{"a deadline out of range", HEAD SECRET AUDIT "deadline: 99999999999999999d\n",
	    {"5:11: deadline must be a duration"}},
	{"a relative plugin-path", HEAD SECRET AUDIT "plugin-path: [x, /y]\n",
	    {"5:15: plugin-path takes absolute directories only"}},
	{"a plugin-path that is no list", HEAD SECRET AUDIT "plugin-path: /y\n",
	    {"5:14: plugin-path must be a list"}},
	{"a backend's name", "version: 1\nbackends: {A: {plugin: m}, none: {plugin: m}, a: "
	    "{plugin: m}}\n"
	    SECRET AUDIT, {"2:12: A is no name for a backend",
	    "2:28: none is no name for a backend"}},
	{"a backend without plugin", "version: 1\nbackends: {a: {path: x}}\n" SECRET AUDIT,
	    {"2:15: a backend is a map with a plugin"}},
	{"a plugin's name", "version: 1\nbackends: {a: {plugin: ../x}}\n" SECRET AUDIT,
	    {"2:24: ../x is no name of a plugin"}},
	{"call", "version: 1\nbackends: {a: {plugin: m, call: {timout: 1s, cache: {}, if-missing: "
	    "x}}}\n"
	    SECRET AUDIT, {"2:53: ttl is missing", "2:69: if-missing is none of skip",
	    "2:34: unknown key timout; did you mean timeout?"}},
	{"numbers of call", "version: 1\nbackends: {a: {plugin: m, call: {timeout: 0s, recoverable: 0,\n"
	    "  breaker: {failures: 0}, retry: {attempts: 101}}}}\n"
	    SECRET AUDIT, {"2:43: timeout is 0s; it may be 1 to 86400000 ms",
	    "3:23: failures is 0; it may be 1 to 1000000",
	    "3:45: attempts is 101; it may be 1 to 100",
	    "2:60: recoverable is 0; it may be 1 to 365"}},
	{"a cache", "version: 1\nbackends: {a: {plugin: m, call: {cache: {ttl: 60, size: 1, ngative: 1s}}}}\n"
	    SECRET AUDIT, {"2:47: ttl must be a duration",
	    "2:57: size is 1; it may be 1024 to 2147483647 bytes",
	    "2:60: unknown key ngative; did you mean negative?"}},
	{"a backend that is none", "version: 1\nbackends: {a: {plugin: m, x: {secret: s, from: b}}}\n"
	    SECRET AUDIT, {"2:48: there is no backend b"}},
	{"backends that need each other", "version: 1\nbackends:\n"
	    "  a: {plugin: m, x: [{file: f}, {secret: s, from: b}]}\n"
	    "  b: {plugin: m, y: {z: {secret: s, from: a}}}\n"
	    SECRET AUDIT, {"3:3: backend a needs itself to open"}},
	{"a name twice", HEAD "chains: {a: [b]}\n" SECRET AUDIT,
	    {"3:10: a is a backend already"}},
	{"an unknown use", HEAD "chains: {c: [a, x]}\n" SECRET AUDIT,
	    {"3:17: x is no backend and no chain"}},
	{"an empty chain", HEAD "chains: {c: []}\n" SECRET AUDIT, {"3:13: an empty chain"}},
	{"a word", HEAD "chains: {c: [{use: a, control: requird}]}\n" SECRET AUDIT,
	    {"3:32: control is one of required, requisite, sufficient, binding, optional, "
	    "fallback; "
	    "did you mean required?"}},
	{"a code", HEAD "chains: {c: [{use: a, codes: {okay: ok}}]}\n" SECRET AUDIT,
	    {"3:31: no code okay"}},
	{"an action", HEAD "chains: {c: [{use: a, codes: {ok: jump}}]}\n" SECRET AUDIT,
	    {"3:35: an action is one of"}},
	{"ok on another code", HEAD "chains: {c: [{use: a, codes: {denied: ok, not_found: "
	    "done}}]}\n"
	    SECRET AUDIT, {"3:39: denied cannot be made ok",
	    "3:54: not_found cannot be made done"}},
	{"an entry's key", HEAD "chains: {c: [{use: a, contrl: required}]}\n" SECRET AUDIT,
	    {"3:23: unknown key contrl in an entry; did you mean control?"}},
	{"an entry without use", HEAD "chains: {c: [{control: required}]}\n" SECRET AUDIT,
	    {"3:14: use is missing"}},
	{"a cycle", HEAD "chains: {c: [a, d], d: [e], e: [c]}\n" SECRET AUDIT,
	    {"3:33: a cycle: c -> d -> e -> c"}},
	{"a chain in itself", HEAD "chains: {c: [c]}\n" SECRET AUDIT, {"3:14: a cycle: c -> c"}},
	{"the way to a cycle", HEAD "chains: {b0: [c], c: [d], d: [c]}\nsecret: [{match: \"*\", "
	    "use: b0}]\n"
	    AUDIT, {"3:31: a cycle: c -> d -> c; take one of these out"}},
	{"a chain that is a map", HEAD "chains: {c: {use: a}}\n" SECRET AUDIT,
	    {"3:13: c must be a name or a list of entries"}},
	{"an operation that is a map", HEAD "secret: [{match: \"*\", use: a, get: {use: b}}]\n"
	    AUDIT,
	    {"3:36: get must be a name or a list of entries"}},
	{"a chain's name", HEAD "chains: {C: [a], none: [a]}\n" SECRET AUDIT,
	    {"3:10: C is no name for a chain", "3:18: none is no name for a chain"}},
	{"65 entries", HEAD "chains: {c: [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, "
	    "a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, "
	    "a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a]}\n" SECRET AUDIT,
	    {"3:13: more than 64 entries"}},
	{"a list in a list", HEAD "chains: {c: [[a]]}\n" SECRET AUDIT,
	    {"3:14: an entry must be a map"}},
	{"a use that is a list", HEAD "chains: {c: [{use: [a]}]}\n" SECRET AUDIT,
	    {"3:20: use must be a text"}},
	{"an entry's stale", HEAD "chains: {c: [{use: a, stale: true}]}\n" SECRET AUDIT,
	    {"3:30: stale can be allow"}},
	{"codes that are no map", HEAD "chains: {c: [{use: a, codes: [denied]}]}\n" SECRET AUDIT,
	    {"3:30: codes is a map of code to action"}},
	{"a route's list", HEAD "secret: [{match: \"*\", use: a, list: a}]\n" AUDIT,
	    {"3:31: unknown key list in a route"}},
	{"a state route's get", HEAD "state: [{match: \"*\", use: a, get: b}]\n" SECRET AUDIT,
	    {"3:30: unknown key get in a state route"}},
	{"no last state route", HEAD "state: [{match: \"x\", use: a}]\n" SECRET AUDIT,
	    {"3:9: the last route of state must match \"*\""}},
	{"a route that is a word", HEAD "secret: [a]\n" AUDIT,
	    {"3:10: a route must be a map", "3:10: the last route of secret"}},
	{"a match that is a list", HEAD "secret: [{match: [x], use: a}, {match: \"*\", use: a}]\n"
	    AUDIT,
	    {"3:18: match must be a text"}},
	{"backends that are a list", "version: 1\nbackends: [a]\nsecret: [{match: \"*\", use: a}]\n"
	    AUDIT,
	    {"2:11: backends is missing", "3:28: a is no backend"}},
	{"a plugin that is a map", "version: 1\nbackends: {a: {plugin: {}}}\n" SECRET AUDIT,
	    {"2:24: plugin must be a text"}},
	{"a call that is a word", "version: 1\nbackends: {a: {plugin: m, call: 2s}}\n" SECRET AUDIT,
	    {"2:33: call must be a map"}},
	{"a timeout", "version: 1\nbackends: {a: {plugin: m, call: {timeout: 2}}}\n" SECRET AUDIT,
	    {"2:43: timeout must be a duration"}},
	{"a retention", HEAD SECRET "audit: {trail: {path: t, retention: ever}}\n",
	    {"4:37: retention must be a duration"}},
	{"depth beside another mistake", HEAD "chains: {c00: [a], c01: [c00], c02: [c01], c03: "
	    "[c02], "
	    "c04: [c03], c05: [c04], c06: [c05],\n c07: [c06], c08: [c07], c09: [c08], c10: [c09], "
	    "c11: [c10], c12: [c11], c13: [c12],\n c14: [c13], c15: [c14],\n c16: [c15], c17: "
	    "[c16]}\n" SECRET AUDIT
	    "foo: 1\n", {"9:1: unknown key foo", "3:26: chain 'c00' is nested deeper than 16"}},
	{"too many calls", HEAD "chains: {c: [a, a, a, a, a, a, a, a, a], d: [c, c, c, c, c, c, c, "
	    "c]}\n"
	    SECRET AUDIT, {"3:"}},
	{"an open route", HEAD "secret: [{match: \"*\", get: a, put: none}]\n" AUDIT,
	    {"3:10: the route leaves delete open"}},
	{"no last route", HEAD "secret: [{match: \"x*\", use: a}]\n" AUDIT,
	    {"3:10: the last route of secret must match \"*\""}},
	{"a route without match", HEAD "secret: [{use: a}]\n" AUDIT,
	    {"3:10: match is missing", "3:10: the last route of secret"}},
	{"routes that are no list", HEAD "secret: a\n" AUDIT, {"3:9: secret must be a list"}},
	{"no routes", HEAD "secret: []\n" AUDIT, {"3:9: secret must be a list"}},
	{"a state chain", HEAD "chains: {c: [a, b]}\nstate: [{match: \"*\", use: c}]\n" SECRET
	    AUDIT,
	    {"4:27: a state route names exactly one backend"}},
	{"two state backends", HEAD "state: [{match: \"*\", use: [a, b]}]\n" SECRET AUDIT,
	    {"3:27: a state route names exactly one backend"}},
	{"no trail", HEAD SECRET "audit: {}\n", {"4:8: trail is missing"}},
	{"no path of the trail", HEAD SECRET "audit: {trail: {}}\n", {"4:16: path is missing"}},
	{"no sinks", HEAD SECRET "audit: {trail: {path: t}, sinks: []}\n",
	    {"4:34: sinks must be a list, such as"}},
	{"sinks that are no maps", HEAD SECRET "audit: {trail: {path: t}, sinks: [a, b]}\n",
	    {"4:35: a sink must be a map", "4:38: a sink must be a map"}},
	{"a sink of nobody", HEAD SECRET "audit: {trail: {path: t}, sinks: [{use: x}]}\n",
	    {"4:41: there is no backend x"}},
	{"a sink without a bound", HEAD SECRET
	    "audit: {trail: {path: t}, sinks: [{use: a, wait: lag, max-lag: {}}]}\n",
	    {"4:35: wait: lag needs a max-lag"}},
	{"a bound of nothing", HEAD SECRET
	    "audit: {trail: {path: t}, sinks: [{use: a, max-lag: {age: 1s}}]}\n",
	    {"4:53: max-lag goes with wait: lag only"}},
	{"a sink twice", HEAD SECRET
	    "audit: {trail: {path: t}, sinks: [{use: a}, {use: b}, {use: a}]}\n",
	    {"4:55: a is a sink already (line 4)"}},
	{"audit no", HEAD SECRET "audit: no\n", {"4:8: audit must be a map"}},
	{"a token name", HEAD SECRET AUDIT "tokens: {name: \"oauth/{platform}\"}\n",
	    {"5:16: name must hold {platform} and {connectionId} once each"}},
	{"token names that are one", HEAD SECRET
	    AUDIT "tokens: {name: \"t/{platform}-{connectionId}\"}\n",
	    {"5:16: name must hold"}},
	{"a token name with another mark", HEAD SECRET AUDIT
	    "tokens: {name: \"{agency}/{platform}/{connectionId}\"}\n", {"5:16: name must hold"}},
	{"a platform twice", HEAD SECRET AUDIT
	    "tokens: {name: \"{platform}/{platform}/{connectionId}\"}\n", {"5:16: name must hold"}},
	{"a token name that is none", HEAD SECRET AUDIT
	    "tokens: {name: \"/{platform}/{connectionId}\"}\n", {"5:16: name must hold"}},
	{"several at once", "version: 1\nbackends: {a: {plugin: memory}}\nsecret: [{match: \"*\", "
	    "use: x}]\n"
	    "audit: {trail: {paht: t}}\nfoo: 1\n", {"5:1: unknown key foo", "3:28: x is no backend",
	    "4:17: unknown key paht in trail; did you mean path?", "4:16: path is missing"}},
};

static void
test_bad(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct config *config;
		char *told = read_text(bad[i].text, strlen(bad[i].text), &config);
		const char *want[ARRAY_SIZE(bad[i].want) + 1] = {NULL};

		memcpy(want, bad[i].want, sizeof(bad[i].want));
		if (!CHECK_AS(config == NULL && same_lines(told, want), "told: %s", bad[i].name))
			printf("# told:\n# %s", told);
		config_free(config);
		free(told);
	}
}

static void
test_limits(void)
{
	struct buffer text = {0};
	struct config *config;
	char *told;

	told = read_text("version: 1\n# \xff\n", 15, &config);
	CHECK_TEXT_AS(told, "2:3: a byte that is not UTF-8; save the file as UTF-8\n", "not UTF-8");
	free(told);
	for (int i = 0; i < 40; i++)
		buffer_text(&text, "[");
	told = read_text(text.data, text.size, &config);
	CHECK_TEXT_AS(told, "1:33: nested deeper than 32; no key needs that\n", "deep");
	free(told);
	while (text.size <= (1 << 20))
		buffer_text(&text, "# a comment that is long enough to fill a megabyte in time\n");
	told = read_text(text.data, text.size, &config);
	CHECK_TEXT_AS(told, "0:0: larger than 1 MiB; no configuration is\n", "huge");
	free(told);
	buffer_free(&text);
	write_file("mortise.yaml", HEAD SECRET AUDIT, strlen(HEAD SECRET AUDIT), 0620);
	{
		struct buffer all = {0};
		struct problems problems = {.each = collect, .arg = &all};

		CHECK_NUMBER(config_read(config_path, &config, &problems), MORTISE_INVALID);
		CHECK_AS(strstr(all.data, "mortise.yaml may be written by its group or by others; "
		    "run chmod go-w on it\n") != NULL, "writable by the group");
		buffer_free(&all);
	}
}

/* A chain as text: "[a required, inner(b -)]". */
static void
write_chain(const struct chain *chain, struct buffer *text)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_entry *entry = &chain->entries[i];

		buffer_format(text, "%s%s %s", i == 0 ? "" : ", ", entry->use,
		    chain_word_name(entry->word));
		for (int k = 0; k < MORTISE_CODES; k++) {
			if (entry->codes[k] != CHAIN_BY_WORD)
				buffer_format(text, " %s=%s",
				    mortise_code_name((enum mortise_code)k),
				    chain_action_name((enum chain_action)entry->codes[k]));
		}
		if (entry->inner != NULL) {
			buffer_text(text, "(");
			write_chain(entry->inner, text);
			buffer_text(text, ")");
		}
	}
}

static void
check_chain(const struct config_operation *operation, const char *want, const char *what)
{
	struct buffer text = {0};

	buffer_text(&text, "");
	if (operation->given == CONFIG_NONE)
		buffer_text(&text, "none");
	else
		write_chain(&operation->chain, &text);
	CHECK_TEXT_AS(text.data, want, what);
	buffer_free(&text);
}

static void
test_good(void)
{
	static const char text[] =
	    "version: 1\ndeadline: 3s\n"
	    "backends:\n"
	    "  a: {plugin: local, path: x, call: {timeout: 250ms, if-missing: skip},\n"
	    "      token: {secret: s, from: b}}\n"
	    "  b: {plugin: memory, call: {breaker: {open: 1m}, retry: {}, cache: {ttl: 60s, stale: 1h}}}\n"
	    "chains:\n"
	    "  outer: [{use: inner, control: required}, a]\n"
	    "  inner: [b, {use: a, control: optional, codes: {denied: ignore, ok: done}}]\n"
	    "secret:\n"
	    "  - {match: \"x/*\", use: a, get: outer, put: [a, {use: b, control: requisite}]}\n"
	    "  - {match: \"y\", get: a, put: none, delete: none}\n"
	    "  - {match: \"*\", use: outer}\n"
	    "state: [{match: \"l:*\", use: b}, {match: \"*\", use: a}]\n"
	    "audit:\n"
	    "  trail: {path: trail, retention: 30d}\n"
	    "  sinks: [{use: b, wait: lag, max-lag: {bytes: 1KiB}, timeout: 3s, only: [x, \"y*\"]},\n"
	    "    {use: a, wait: never}]\n"
	    "tokens: {name: \"t/{connectionId}/{platform}\"}\n"
	    "plugin-path: [/opt/x]\n";
	struct config *config;
	char *told = read_text(text, strlen(text), &config), path[128];

	if (!CHECK(config != NULL))
		printf("# %s", told);
	free(told);
	if (config == NULL)
		return;
	CHECK_NUMBER(config->deadline_ms, 3000);
	CHECK_NUMBER(config->backends_count, 2);
	CHECK_TEXT(config->backends[0].plugin, "local");
	CHECK_NUMBER(config->backends[0].timeout_ms, 250);
	CHECK(config->backends[0].skip_if_missing && !config->backends[1].skip_if_missing);
	CHECK_NUMBER(config->backends[1].timeout_ms, 2000);
	CHECK(config->backends[0].rules.failures == 0 && config->backends[0].rules.ttl_ms == 0);
	CHECK_NUMBER(config->backends[1].rules.failures, 5);
	CHECK_NUMBER(config->backends[1].rules.open_ms, 60000);
	CHECK_NUMBER(config->backends[1].rules.attempts, 3);
	CHECK_NUMBER(config->backends[1].rules.ttl_ms, 60000);
	CHECK_NUMBER(config->backends[1].rules.negative_ms, 0);
	CHECK_NUMBER(config->backends[1].rules.stale_ms, 3600000);
	CHECK_NUMBER(config->backends[1].rules.cache_size, 1048576);
	CHECK_NUMBER(config->backends[1].place.line, 6);
	CHECK_NUMBER(config->backends[1].place.column, 3);
	CHECK(config->order[0] == 1 && config->order[1] == 0);
	CHECK_NUMBER(config->secret_count, 3);
	check_chain(&config->secret[0].get,
	    "inner required(b -, a optional ok=done denied=ignore), a -", "a chain by its name");
	check_chain(&config->secret[0].put, "a -, b requisite", "a list");
	check_chain(&config->secret[0].delete, "a -", "by use");
	check_chain(&config->secret[1].put, "none", "none");
	check_chain(&config->secret[2].delete,
	    "inner required(b -, a optional ok=done denied=ignore), a -", "use of a chain");
	CHECK_NUMBER(config->state[0].target, 1);
	CHECK_NUMBER(config->state[1].target, 0);
	CHECK_NUMBER(config->audit.retention_ms, INT64_C(30) * 86400000);
	CHECK_NUMBER(config->audit.sinks_count, 2);
	CHECK(config->audit.sinks[0].target == 1 && config->audit.sinks[0].wait == SINK_LAG &&
	    config->audit.sinks[0].timeout_ms == 3000 && config->audit.sinks[0].max_bytes == 1024 &&
	    config->audit.sinks[0].max_records == 0 && !config->audit.sinks[0].park);
	CHECK_NUMBER(config->audit.sinks[0].only_count, 2);
	CHECK_TEXT(config->audit.sinks[0].only[1], "y*");
	CHECK(config->audit.sinks[1].target == 0 && config->audit.sinks[1].wait == SINK_NEVER &&
	    config->audit.sinks[1].timeout_ms == 2000 && config->audit.sinks[1].park);
	(void)snprintf(path, sizeof(path), "%s/trail", directory);
	CHECK_TEXT_AS(config->audit.trail, path, "the trail's path is relative to the file");
	CHECK_TEXT(config->token_name, "t/{connectionId}/{platform}");
	CHECK_TEXT(config->plugin_path[0], "/opt/x");
	CHECK_NUMBER(strlen(config->digest), 64);
	config_free(config);
}

static void
test_drop_ins(void)
{
	static const char one[] = "deadline: 5s\nsecret: [{match: \"one/*\", use: b}]\n"
	    "backends: {b: {plugin: local, path: y}}\n";
	static const char two[] = "deadline: 6s\nsecret: [{match: \"two/*\", use: c}]\n"
	    "chains: {c: [b]}\nbackends: {b: {plugin: other}}\naudit: {trail: {retention: 1d}}\n";
	static const char wrong[] = "deadline: 5\nversoin: 1\n";
	static const char base[] = HEAD "chains: {c: [a, b]}\n" SECRET AUDIT;
	struct config *config;
	char *told;

	write_file("mortise.d/20.yaml", two, strlen(two), 0600);
	write_file("mortise.d/10.yaml", one, strlen(one), 0600);
	write_file("mortise.d/notes.txt", "{", 1, 0600);
	told = read_text(base, strlen(base), &config);
	if (!CHECK(config != NULL))
		printf("# %s", told);
	free(told);
	if (config != NULL) {
		CHECK_NUMBER_AS(config->deadline_ms, 6000, "a later scalar wins");
		CHECK_TEXT_AS(config->backends[1].plugin, "other", "a whole backend is replaced");
		CHECK(yaml_member(config->backends[1].map, "path") == NULL);
		CHECK(config->secret_count == 3 && strcmp(config->secret[0].match, "two/*") == 0 &&
		    strcmp(config->secret[1].match, "one/*") == 0 &&
		    strcmp(config->secret[2].match, "*") == 0);
		CHECK_NUMBER_AS(config->chains[0].count, 1, "a chain of the same name is replaced");
		CHECK_NUMBER_AS(config->audit.retention_ms, 86400000, "maps merge");
		CHECK(config->audit.trail != NULL);
	}
	CHECK_NUMBER_AS(notes, 4, "both places of deadline, of b twice, and of c are told");
	config_free(config);
	write_file("mortise.d/20.yaml", wrong, strlen(wrong), 0600);
	told = read_text(base, strlen(base), &config);
	CHECK(config == NULL);
	CHECK_TEXT(told, "20.yaml:2:1: unknown key versoin in the configuration; did you mean "
	    "version?\n"
	    "20.yaml:1:11: deadline must be a duration, such as 250ms, 2s, 5m, 12h or 400d\n");
	free(told);
	(void)snprintf(config_path, sizeof(config_path), "%s/mortise.d/20.yaml", directory);
	(void)unlink(config_path);
	(void)snprintf(config_path, sizeof(config_path), "%s/mortise.d/10.yaml", directory);
	(void)unlink(config_path);
	(void)snprintf(config_path, sizeof(config_path), "%s/mortise.yaml", directory);
}

static void
test_warnings(void)
{
	static const struct {
		const char *name, *text;
		const char *want[4];
	} rows[] = {
		{"a put with fallback", HEAD "secret: [{match: \"*\", use: a, put: [{use: a, "
		    "control: fallback}, b]}]\n"
		    AUDIT "tokens: {name: \"t/{platform}/{connectionId}\"}\n",
		    {"w 3:37: a put that a takes stops here"}},
		{"an optional put", HEAD "secret: [{match: \"x\", use: a, put: [a, {use: b, "
		    "control: optional}]}, "
		    "{match: \"*\", use: a}]\n" AUDIT, {NULL}},
		{"a binding put", HEAD "secret: [{match: \"x\", use: a, put: [{use: b, control: "
		    "binding}, a]}, "
		    "{match: \"*\", use: a}]\n" AUDIT,
		    {"w 3:37: a put that b takes stops here, and the "
		    "entries behind it keep an older value; use requisite"}},
		{"a put that is done", HEAD "secret: [{match: \"x\", use: a, put: [{use: b, codes: "
		    "{ok: done}}, "
		    "a]}, {match: \"*\", use: a}]\n" AUDIT,
		    {"w 3:37: a put that b takes stops here"}},
		{"a delete with sufficient", HEAD "secret: [{match: \"x\", use: a, delete: [{use: "
		    "b, control: "
		    "sufficient}, a]}, {match: \"*\", use: a}]\n" AUDIT,
		    {"w 3:40: a delete that b takes stops "
		    "here, and the entries behind it keep the name; use required"}},
		{"a chain of two routes", HEAD "chains: {c: [{use: a, control: sufficient}, b]}\n"
		    "secret: [{match: \"x\", put: c, use: a}, {match: \"y\", put: c, use: a}, "
		    "{match: \"*\", use: a}]\n" AUDIT,
		    {"w 3:14: a put that a takes stops here"}},
		{"another order", HEAD "secret: [{match: \"x\", use: [a, b], get: [b, a]}, {match: "
		    "\"*\", use: a}]\n"
		    AUDIT, {"w 3:10: x is read in another order than it is written"}},
		{"off", HEAD SECRET "audit: off\n", {"w 4:8: audit is off"}},
		{"none", HEAD SECRET AUDIT, {NULL}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config *config;
		char *told = read_text(rows[i].text, strlen(rows[i].text), &config);
		const char *want[ARRAY_SIZE(rows[i].want) + 1] = {NULL};

		memcpy(want, rows[i].want, sizeof(rows[i].want));
		if (!CHECK_AS(config != NULL && same_lines(told, want), "warned: %s", rows[i].name))
			printf("# told:\n# %s", told);
		config_free(config);
		free(told);
	}
}

/* Which backends a write of the first route may leave behind. */
static void
test_lags(void)
{
#define STATE "state: [{match: \"*\", use: a}]\n"
#define ROUTE(what) "secret: [{match: \"x\", get: a, " what "}, {match: \"*\", use: a}]\n"
	static const struct {
		const char *name, *text, *want;
	} rows[] = {
		{"requisite", HEAD ROUTE("put: [a, b], delete: a") AUDIT, ""},
		{"optional", HEAD ROUTE("put: [a, {use: b, control: optional}], delete: a") AUDIT, "b"},
		{"alone", HEAD ROUTE("put: [{use: b, control: optional}], delete: a") AUDIT, ""},
		{"required", HEAD ROUTE("put: [{use: a, control: required}, b], delete: a") AUDIT, ""},
		{"sufficient", HEAD ROUTE("put: [{use: a, control: sufficient}, b], delete: a") AUDIT,
		    "ab"},
		{"binding", HEAD ROUTE("put: [{use: a, control: binding}, b], delete: a") AUDIT, "b"},
		{"codes", HEAD ROUTE("put: [{use: a, codes: {timeout: ignore}}, b], delete: a") AUDIT,
		    "a"},
		{"abstaining", HEAD ROUTE("put: [{use: a, codes: {ignore: bad}}, b], delete: a") AUDIT,
		    ""},
		{"inner", HEAD "chains: {c: [a, b]}\n"
		    ROUTE("put: [a, {use: c, control: optional}], delete: a") AUDIT, "ab"},
		{"delete", HEAD ROUTE("put: a, delete: [a, {use: b, control: optional}]") AUDIT, "b"},
		{"tokens", HEAD "secret: [{match: \"*\", use: [a, b]}]\n" STATE AUDIT, "ab"},
		{"tokens elsewhere", HEAD ROUTE("put: [a, b], delete: a") STATE AUDIT, ""},
		{"no tokens without state", HEAD "secret: [{match: \"*\", use: [a, b]}]\n" AUDIT, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config *config;
		char *told = read_text(rows[i].text, strlen(rows[i].text), &config), lag[8] = "";

		for (size_t k = 0; config != NULL && config->secret[0].lags != NULL &&
		    k < config->backends_count; k++) {
			if (config->secret[0].lags[k])
				(void)snprintf(lag + strlen(lag), sizeof(lag) - strlen(lag), "%s",
				    config->backends[k].name);
		}
		CHECK_TEXT_AS(config == NULL ? told : lag, rows[i].want, rows[i].name);
		config_free(config);
		free(told);
	}
#undef ROUTE
#undef STATE
}

/* Drop-ins lie beside the name that was given; every file's mistakes are told. */
static void
test_files(void)
{
	static const char base[] = HEAD SECRET
	    AUDIT, half[] = "deadline: [\n", late[] = "deadline: 7s\n";
	struct config *config;
	char path[128], real[128];
	char *told;

	write_file("mortise.d/10.yaml", half, strlen(half), 0600);
	told = read_text("version: &x 1\nfoo: 1\n", 21, &config);
	CHECK_TEXT_AS(told, "1:10: an anchor (&name): not used here; write the value out\n"
	    "10.yaml:2:1: not YAML: did not find expected node content; "
	    "the rest of the file was not read\n",
	    "half a tree is not checked on");
	free(told);
	write_file("mortise.d/10.yaml", late, strlen(late), 0640);
	write_file("real.yaml", base, strlen(base), 0600);
	(void)snprintf(path, sizeof(path), "%s/mortise.yaml", directory);
	(void)snprintf(real, sizeof(real), "%s/real.yaml", directory);
	CHECK(unlink(path) == 0 && mkdir("elsewhere", 0700) == 0);
	CHECK(rename(real, "elsewhere/real.yaml") == 0);
	CHECK(symlink("elsewhere/real.yaml", path) == 0);
	{
		struct problems problems = {0};

		CHECK_NUMBER(config_read("mortise.yaml", &config, &problems), MORTISE_OK);
		if (problems.errors > 0)
			printf("# %s\n", problems.first.message);
	}
	if (config != NULL) {
		CHECK_TEXT(config->path, path);
		CHECK_NUMBER_AS(config->deadline_ms, 7000, "beside the link");
		(void)snprintf(real, sizeof(real), "%s/t", directory);
		CHECK_TEXT_AS(config->audit.trail, real, "relative to the link");
		CHECK(!config->backends[0].map->exposed);
	}
	config_free(config);
	CHECK(unlink(path) == 0 && unlink("elsewhere/real.yaml") == 0 && rmdir("elsewhere") == 0);
	write_file("mortise.yaml", base, strlen(base), 0644);
	{
		struct problems problems = {0};

		CHECK_NUMBER(config_read(path, &config, &problems), MORTISE_OK);
		CHECK_AS(config != NULL && config->backends[0].map->values[0]->exposed,
		    "others can read it");
	}
	config_free(config);
	(void)snprintf(real, sizeof(real), "%s/mortise.d/10.yaml", directory);
	CHECK(unlink(real) == 0);
}

/* What is no file that may be read; errors name the file and no line. */
static void
test_not_read(void)
{
	struct problems problems = {0};
	struct config *config;
	struct stat st;

	CHECK(unlink(config_path) == 0);
	CHECK_NUMBER(config_read(config_path, &config, &problems), MORTISE_INVALID);
	CHECK_TEXT(problems.first.message,
	    "there is no such file; `mortise init` makes a configuration");
	CHECK_TEXT(problems.first.file, config_path);
	CHECK_NUMBER(problems.first.reason, MORTISE_REASON_CONFIGURATION);
	problems = (struct problems){0};
	CHECK(mkfifo(config_path, 0600) == 0);
	CHECK_NUMBER(config_read(config_path, &config, &problems), MORTISE_INVALID);
	CHECK_TEXT(problems.first.message, "not a regular file; name one");
	problems = (struct problems){0};
	CHECK_NUMBER(config_read(directory, &config, &problems), MORTISE_INVALID);
	CHECK_TEXT(problems.first.message, "not a regular file; name one");
	CHECK(unlink(config_path) == 0);
	write_file("mortise.yaml", HEAD SECRET AUDIT, strlen(HEAD SECRET AUDIT), 0600);
	if (geteuid() != 0)
		return;
	/* Root trusts no file and no way to it that another could change. */
	CHECK(stat(directory, &st) == 0 && chmod(directory, 0770) == 0);
	problems = (struct problems){0};
	CHECK_NUMBER(config_read(config_path, &config, &problems), MORTISE_INVALID);
	CHECK(strstr(problems.first.message, "may be written by its group or by others") != NULL);
	CHECK(chmod(directory, 0700) == 0 && chown(config_path, 1, 1) == 0);
	problems = (struct problems){0};
	CHECK_NUMBER(config_read(config_path, &config, &problems), MORTISE_INVALID);
	CHECK(strstr(problems.first.message, "belongs to another user") != NULL);
	CHECK(chown(config_path, 0, 0) == 0);
}

static void
test_find(void)
{
	struct mortise_error error = {0};
	char path[128];

	CHECK(setenv("MORTISE_CONFIG", "/a/b.yaml", 1) == 0);
	CHECK_NUMBER(config_find(path, sizeof(path), &error), MORTISE_OK);
	CHECK_TEXT(path, "/a/b.yaml");
	CHECK_NUMBER(config_find(path, 9, &error), MORTISE_INVALID);
	CHECK_NUMBER(config_find(path, 10, &error), MORTISE_OK);
	CHECK(unsetenv("MORTISE_CONFIG") == 0);
	if (geteuid() == 0) {
		CHECK_NUMBER(config_find(path, sizeof(path), &error), MORTISE_OK);
		CHECK_TEXT(path, SYSCONF_DIRECTORY "/mortise.yaml");
		return;
	}
	(void)snprintf(path, sizeof(path), "%s/mortise", directory);
	CHECK(setenv("XDG_CONFIG_HOME", directory, 1) == 0 && mkdir(path, 0700) == 0);
	write_file("mortise/mortise.yaml", "", 0, 0600);
	CHECK_NUMBER(config_find(path, sizeof(path), &error), MORTISE_OK);
	CHECK(strncmp(path, directory, strlen(directory)) == 0);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

int
main(void)
{
	char folder[64];

	if (mkdtemp(directory) == NULL)
		return 99;
	(void)snprintf(config_path, sizeof(config_path), "%s/mortise.yaml", directory);
	(void)snprintf(folder, sizeof(folder), "%s/mortise.d", directory);
	if (mkdir(folder, 0700) != 0)
		return 99;
	test_bad();
	test_limits();
	test_good();
	test_drop_ins();
	test_warnings();
	test_lags();
	if (chdir(directory) != 0)
		return 99;
	test_files();
	test_not_read();
	test_find();
	(void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return test_end();
}
