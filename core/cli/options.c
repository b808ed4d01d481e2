/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/name.h"
#include "cli/messages.h"
#include "cli/verbs.h"

static const struct option_row rows[] = {
	[OPTION_CONFIG] = {"config", 0, "F", "the configuration file"},
	[OPTION_DIRECT] = {"direct", 0, NULL, "work on the files, never through the daemon"},
	[OPTION_OUTPUT] = {"output", 0, "FORM", "plain (default), json or env"},
	[OPTION_LOG_LEVEL] = {"log-level", 0, "LEVEL", "error, warning (default), info or debug"},
	[OPTION_HELP] = {"help", 'h', NULL, "show this"},
	[OPTION_AGENCY] = {"agency", 0, "ID", "the agency"},
	[OPTION_USER_EMAIL] = {"user-email", 0, "TEXT", "the person"},
	[OPTION_IP_ADDRESS] = {"ip-address", 0, "TEXT", "where from"},
	[OPTION_USER_AGENT] = {"user-agent", 0, "TEXT", "with what"},
	[OPTION_METADATA] = {"metadata", 0, "JSON", "an object of what else to record"},
	[OPTION_DIR] = {"dir", 0, "DIR", "put everything under DIR"},
	[OPTION_FILE] = {"file", 0, "F", "read the value from F (- is stdin)"},
	[OPTION_LABEL] = {"label", 0, "K=V", "set a label; may be given again"},
	[OPTION_IF_VERSION] = {"if-version", 0, "V", "only if V is the newest version"},
	[OPTION_IF_ABSENT] = {"if-absent", 0, NULL, "only if there is no such secret"},
	[OPTION_VERSION] = {"version", 0, "V", "this version instead of the newest"},
	[OPTION_FIELD] = {"field", 0, "F", "one member of a value that is a JSON object"},
	[OPTION_FRESH] = {"fresh", 0, NULL, "no cached value"},
	[OPTION_LONG] = {"long", 0, NULL, "with times and labels"},
	[OPTION_AUTHORIZATION_ID] = {"authorization-id", 0, "ID", "the authorization's id"},
	[OPTION_ACTION] = {"action", 0, "NAME", "the action in the audit trail"},
	[OPTION_PLATFORM] = {"platform", 0, "NAME", "the platform"},
	[OPTION_CONNECTION] = {"connection", 0, "ID", "the connection"},
	[OPTION_REDIRECT_URI] = {"redirect-uri", 0, "URL", "where the browser comes back to"},
	[OPTION_TTL] = {"ttl", 0, "SECONDS", "how long it holds (600)"},
	[OPTION_BINDING] = {"binding", 0, "TEXT", "what it is bound to, such as a session id"},
	[OPTION_LAST] = {"last", 'n', "N", "the newest N records only"},
	[OPTION_FOLLOW] = {"follow", 'f', NULL, "then those that come, until interrupted"},
	[OPTION_RESOURCE_TYPE] = {"resource-type", 0, "TYPE", "of this type"},
	[OPTION_RESOURCE_ID] = {"resource-id", 0, "ID", "about this resource"},
	[OPTION_SINCE] = {"since", 0, "TIME", "not before (RFC 3339)"},
	[OPTION_UNTIL] = {"until", 0, "TIME", "before (RFC 3339)"},
	[OPTION_HEAD] = {"head", 0, "F", "a head file that the trail must reach"},
	[OPTION_EXPECT] = {"expect", 0, "SEQ:HASH", "a record that must be there; again for more"},
	[OPTION_GAP] = {"gap", 0, "FROM-TO", "accept this declared loss; again for more"},
	[OPTION_KEY] = {"key", 0, "EPOCH:KEY", "an epoch's public key, known from elsewhere; again "
	    "for more"},
	[OPTION_CHECKPOINT] = {"checkpoint", 0, "F",
	    "what `audit head` printed as JSON, kept elsewhere; again for more"},
	[OPTION_SINK] = {"sink", 0, "NAME", "what this sink has, instead of the trail's files"},
	[OPTION_REASON] = {"reason", 0, "TEXT", "why, for the trail"},
	[OPTION_MONTH] = {"month", 0, "YYYY-MM", "the month, of UTC"},
	[OPTION_FORMAT] = {"format", 0, "FORM", "text (default), csv or html"},
	[OPTION_OUT] = {"out", 0, "FILE", "write a new file instead of stdout"},
	[OPTION_RECORD] = {"record", 0, "SEQ[-SEQ]", "these records; again for more"},
	[OPTION_YES] = {"yes", 0, NULL, "ask nobody"},
	[OPTION_RUN] = {"run", 0, NULL, "make the get, audited, and show each step"},
	[OPTION_EXAMPLE] = {"example", 0, NULL, "only a stanza of YAML to paste"},
	[OPTION_ACCEPT_ROLLBACK] = {"accept-rollback", 0, "REASON",
	    "accept a store that is older than the trail says"},
	[OPTION_FROM] = {"from", 0, "A", "the backend that has them"},
	[OPTION_TO] = {"to", 0, "B", "the backend that is to have them"},
	[OPTION_NEWEST] = {"newest", 0, NULL, "without older versions"},
	[OPTION_OVERWRITE] = {"overwrite", 0, NULL, "also over a value that came from elsewhere"},
	[OPTION_DRY_RUN] = {"dry-run", 0, NULL, "only look, and write nothing"},
	[OPTION_JOBS] = {"jobs", 0, "N", "so many at a time, 1 to 64 (8)"},
	[OPTION_RATE] = {"rate", 0, "N", "begin at most N a second"},
	[OPTION_JOURNAL] = {"journal", 0, "F", "where what is done is noted"},
	[OPTION_DELETE_SOURCE] = {"delete-source", 0, NULL,
	    "delete each from A, once all are in B and were compared again"},
	[OPTION_BACKEND] = {"backend", 0, "NAME", "with the options of this backend"},
	[OPTION_PREFIX] = {"prefix", 0, "P", "only below P/mortise-test-.../"},
	[OPTION_READ_ONLY] = {"read-only", 0, NULL, "do nothing that writes"},
};
_Static_assert(ARRAY_SIZE(rows) == OPTION_COUNT, "an option without a row");
_Static_assert(OPTION_COUNT <= 64, "more options than bits");

/* Other names that they go by. */
static const struct {
	const char *name;
	enum option option;
} aliases[] = {{"agency-id", OPTION_AGENCY}, {"user", OPTION_USER_EMAIL}};

const struct option_row *
option_row(enum option option)
{
	return &rows[option];
}

static uint64_t
allowed(const struct options *options)
{
	return OPTIONS_COMMON | (options->verb == NULL ? 0 : options->verb->options);
}

static bool
find_long(const char *name, size_t length, enum option *option)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0) {
			*option = (enum option)i;
			return true;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		if (strlen(aliases[i].name) == length &&
		    memcmp(aliases[i].name, name, length) == 0) {
			*option = aliases[i].option;
			return true;
		}
	}
	return false;
}

static bool
find_letter(char letter, uint64_t among, enum option *option)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (rows[i].letter == letter && (among >> i & 1) != 0) {
			*option = (enum option)i;
			return true;
		}
	}
	return false;
}

/* What is behind the = may be a secret that was put in the wrong place: only
 * the name is repeated. */
static int
refuse(const struct options *options, const char *name, size_t length, bool known)
{
	const char *candidates[OPTION_COUNT + 1], *nearest;
	const char *verb = options->verb == NULL ? NULL : options->verb->name;
	char word[64];
	size_t n = 0;

	if (length >= sizeof(word))
		return usage_error("there is no option as long as that");
	memcpy(word, name, length);
	word[length] = '\0';
	if (known && verb == NULL)
		return usage_error("--%s stands behind the verb that it belongs to", word);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if ((allowed(options) >> i & 1) != 0)
			candidates[n++] = rows[i].name;
	}
	candidates[n] = NULL;
	nearest = nearest_word(word, candidates);
	if (nearest != NULL)
		return usage_error("%s%sthere is no option --%s; did you mean --%s?",
		    verb == NULL ? "" : verb, verb == NULL ? "" : ": ", word, nearest);
	return usage_error("%s%sthere is no option --%s; `mortise %s%s--help` shows them",
	    verb == NULL ? "" : verb, verb == NULL ? "" : ": ", word,
	    verb == NULL ? "" : verb, verb == NULL ? "" : " ");
}

static void
note(struct options *options, enum option option, const char *value)
{
	options->given[options->given_count++] = (struct given){option, value};
}

/* Takes the argument from argv[*i + 1] where `value` is NULL. */
static int
take_option(struct options *options, enum option option, const char *value, int argc, char **argv,
    int *i)
{
	const struct option_row *row = &rows[option];

	if (row->argument == NULL && value != NULL)
		return usage_error("--%s takes no value", row->name);
	if (row->argument != NULL && value == NULL) {
		if (*i + 1 >= argc)
			return usage_error("--%s needs a value: --%s %s", row->name, row->name,
			    row->argument);
		value = argv[++*i];
	}
	note(options, option, value == NULL ? "" : value);
	return 0;
}

static int
take_word(struct options *options, const char *word)
{
	if (options->verb != NULL) {
		options->words[options->words_count++] = word;
		return 0;
	}
	if (options->group == NULL && verb_is_group(word)) {
		options->group = word;
		return 0;
	}
	options->verb = options->group == NULL ? verb_find(word, NULL) :
	    verb_find(options->group, word);
	return options->verb != NULL ? 0 : verb_unknown(options->group, word);
}

static int
take_long(struct options *options, int argc, char **argv, int *i)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t length = equals == NULL ? strlen(name) : (size_t)(equals - name);
	enum option option;
	bool known = find_long(name, length, &option);

	/* As every program has it, and an option of `get` behind its verb. */
	if (options->verb == NULL && known && option == OPTION_VERSION && equals == NULL) {
		options->verb = verb_find("version", NULL);
		return 0;
	}
	if (!known || (allowed(options) >> option & 1) == 0)
		return options->verb != NULL && options->verb->foreign ?
		    take_word(options, argv[*i]) : refuse(options, name, length, known);
	return take_option(options, option, equals == NULL ? NULL : equals + 1, argc, argv, i);
}

static int
take_short(struct options *options, int argc, char **argv, int *i)
{
	const char *letters = argv[*i] + 1;
	enum option option;
	int status = 0;

	for (; status == 0 && *letters != '\0'; letters++) {
		if (!find_letter(*letters, allowed(options), &option))
			return usage_error("there is no option -%c here; options are written "
			    "as --name", *letters >= ' ' && *letters <= '~' ? *letters : '?');
		if (rows[option].argument == NULL) {
			note(options, option, "");
			continue;
		}
		return take_option(options, option, letters[1] == '\0' ? NULL : letters + 1, argc,
		    argv, i);
	}
	return status;
}

int
options_parse(struct options *options, int argc, char **argv)
{
	size_t most = (size_t)argc + 1;
	bool only_words = false;
	int status = 0;

	*options = (struct options){.verb = NULL};
	/* A cluster of switches makes more of them than arguments. */
	for (int i = 1; i < argc; i++)
		most += argv[i][0] == '-' && argv[i][1] != '-' ? strlen(argv[i]) : 0;
	options->given = calloc(most, sizeof(*options->given));
	options->words = calloc((size_t)argc + 1, sizeof(*options->words));
	if (options->given == NULL || options->words == NULL)
		return system_error("cannot start");
	for (int i = 1; status == 0 && i < argc; i++) {
		const char *argument = argv[i];

		if (only_words || argument[0] != '-' || argument[1] == '\0')
			status = take_word(options, argument);
		else if (strcmp(argument, "--") == 0)
			only_words = true;
		else if (argument[1] == '-')
			status = take_long(options, argc, argv, &i);
		else
			status = take_short(options, argc, argv, &i);
	}
	return status;
}

void
options_release(struct options *options)
{
	free(options->given);
	free(options->words);
	*options = (struct options){.verb = NULL};
}

const char *
option_next(const struct options *options, enum option option, size_t *at)
{
	while (*at < options->given_count) {
		const struct given *given = &options->given[(*at)++];

		if (given->option == option)
			return given->value;
	}
	return NULL;
}

const char *
option_value(const struct options *options, enum option option)
{
	const char *last = NULL, *value;
	size_t at = 0;

	while ((value = option_next(options, option, &at)) != NULL)
		last = value;
	return last;
}

bool
option_given(const struct options *options, enum option option)
{
	return option_value(options, option) != NULL;
}
