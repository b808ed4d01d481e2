/* SPDX-License-Identifier: BSD-2-Clause */
/* YAML to a configuration: the file, its chains and routes, and each backend's map
 * against a schema that has every type. */
#include "fuzz.h"

#include "base/bytes.h"
#include "config/config.h"

static const char *const words[] = {"a", "b", NULL};
static const struct mortise_option
    text = {.size = sizeof(text), .name = "text", .doc = "", .type = MORTISE_OPTION_STRING},
    secret = {.size = sizeof(secret), .name = "secret-text", .doc = "",
	.type = MORTISE_OPTION_STRING, .flags = MORTISE_OPTION_SECRET},
    path = {.size = sizeof(path), .name = "path", .doc = "", .type = MORTISE_OPTION_STRING,
	.flags = MORTISE_OPTION_PATH},
    flag = {.size = sizeof(flag), .name = "flag", .doc = "", .type = MORTISE_OPTION_BOOL},
    number = {.size = sizeof(number), .name = "number", .doc = "", .type = MORTISE_OPTION_INT,
	.minimum = -5, .maximum = 5},
    bytes_of = {.size = sizeof(bytes_of), .name = "size", .doc = "", .type = MORTISE_OPTION_SIZE},
    age = {.size = sizeof(age), .name = "age", .doc = "", .type = MORTISE_OPTION_DURATION},
    word = {.size = sizeof(word), .name = "word", .doc = "", .type = MORTISE_OPTION_ENUM,
	.words = words},
    element = {.size = sizeof(element), .name = "", .doc = "", .type = MORTISE_OPTION_STRING};
static const struct mortise_option *const elements[] = {&element, NULL};
static const struct mortise_option *const members[] = {&word, &text, &number, NULL};
static const struct mortise_option
    list = {.size = sizeof(list), .name = "list", .doc = "", .type = MORTISE_OPTION_LIST,
	.members = elements},
    map = {.size = sizeof(map), .name = "map", .doc = "", .type = MORTISE_OPTION_MAP,
	.members = elements},
    group = {.size = sizeof(group), .name = "group", .doc = "", .type = MORTISE_OPTION_GROUP,
	.members = members};
static const struct mortise_option *const schema[] = {&text, &secret, &path, &flag, &number,
    &bytes_of, &age, &word, &list, &map, &group, NULL};

static void
count_problem(void *arg, enum mortise_level level, const char *file, unsigned int line,
    unsigned int column, const char *message)
{
	size_t *errors = arg;

	/* Every problem has words and a place. */
	MUST(file != NULL && message != NULL && message[0] != '\0');
	MUST((line > 0 && column > 0) || (line == 0 && column == 0));
	*errors += level == MORTISE_LOG_ERROR;
}

static void
use(const struct config *config, struct problems *problems)
{
	static const char *const skip[] = {"plugin", "call", NULL};

	for (size_t i = 0; i < config->backends_count; i++) {
		const struct config_backend *backend = &config->backends[i];
		struct mortise_options *options = options_check(backend->map, &backend->place,
		    schema, skip, problems);

		if (options == NULL)
			continue;
		(void)options_resolve(options, NULL, NULL, NULL);
		(void)options_string(options, "group.text");
		(void)options_number(options, "number");
		(void)options_at(options, "list", options_count(options, "list"), NULL);
		MUST(options_same(options, options));
		options_free(options);
	}
	for (size_t i = 0; i < config->secret_count; i++) {
		if (config->secret[i].get.given == CONFIG_CHAIN)
			MUST(chain_check(&config->secret[i].get.chain, NULL) == MORTISE_OK);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	size_t errors = 0;
	struct problems problems = {.each = count_problem, .arg = &errors};
	struct config *config = NULL;
	enum mortise_code code = config_read(fuzz_file("mortise.yaml", bytes, size), &config,
	    &problems);

	MUST(problems.errors == errors);
	MUST((code == MORTISE_OK) == (problems.errors == 0));
	if (code != MORTISE_OK)
		return 0;
	use(config, &problems);
	config_free(config);
	return 0;
}
