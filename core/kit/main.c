/* SPDX-License-Identifier: BSD-2-Clause */
/* mortise-plugin-test: `mortise plugin test` ends here. */
#define _DEFAULT_SOURCE		/* MAP_ANONYMOUS */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/name.h"
#include "kit/kit.h"

#define EXIT_USAGE 2
#define EXIT_CONFIGURATION 6
#define EXIT_DIFFERENCE 10

struct program {
	struct kit_settings settings;
	struct kit_report *report;
	char file[PATH_MAX];
	const char *config, *backend;
	char *const *words;		/* the cases that are wanted; NULL-ended, none: all */
	bool json;
	size_t counts[3];		/* by verdict */
};

static void _printf_(1, 2)
message(const char *format, ...)
{
	va_list arguments;

	(void)fputs("mortise-plugin-test: ", stderr);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
}

static void
print_help(void)
{
	(void)fputs("usage: mortise-plugin-test FILE.so [CASE...] [--config F] [--backend NAME]\n"
	    "    [--prefix P] [--read-only] [--output plain|json] [--log-level LEVEL]\n\n"
	    "Tries out what a plugin promises, below names of its own.  The cases:\n\n", stdout);
	for (size_t i = 0; i < kit_cases_count; i++)
		(void)printf("  %-24s%s\n", kit_cases[i].name, kit_cases[i].doc);
}

/* --- the command line --------------------------------------------------------------- */

static bool
take_level(struct program *program, const char *word)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(word, levels[i]) == 0) {
			program->settings.log_level = (enum mortise_level)i;
			return true;
		}
	}
	return false;
}

static bool
take_prefix(struct program *program, const char *prefix)
{
	unsigned char random[6];
	char hex[2 * sizeof(random) + 1];
	size_t length = strlen(prefix);
	int n;

	if (!random_bytes(random, sizeof(random)))
		return false;
	hex_encode(random, sizeof(random), hex);
	n = snprintf(program->settings.prefix, sizeof(program->settings.prefix),
	    "%s%smortise-test-%s/", prefix, length == 0 || prefix[length - 1] == '/' ? "" : "/",
	    hex);
	return n < (int)sizeof(program->settings.prefix) &&
	    name_check_prefix(program->settings.prefix, NULL) == MORTISE_OK;
}

static int
usage(const char *what, const char *word)
{
	message("%s %s; `mortise-plugin-test --help` shows what it takes", what, word);
	return EXIT_USAGE;
}

/* 0, or the status to end with; *end: with 0 too. */
static int
take_options(struct program *program, int argc, char **argv, bool *end)
{
	static const struct option known[] = {
		{"config", required_argument, NULL, 'c'}, {"backend", required_argument, NULL, 'b'},
		{"prefix", required_argument, NULL, 'p'}, {"read-only", no_argument, NULL, 'r'},
		{"output", required_argument, NULL, 'o'}, {"log-level", required_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}
	};
	const char *prefix = "";
	int letter;

	while ((letter = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (letter == 'c')
			program->config = optarg;
		else if (letter == 'b')
			program->backend = optarg;
		else if (letter == 'p')
			prefix = optarg;
		else if (letter == 'r')
			program->settings.read_only = true;
		else if (letter == 'o' && (strcmp(optarg, "json") == 0 || strcmp(optarg, "plain") == 0))
			program->json = optarg[0] == 'j';
		else if (letter == 'h') {
			print_help();
			*end = true;
			return 0;
		} else if (letter != 'l' || !take_level(program, optarg))
			return letter == '?' ? EXIT_USAGE : usage("there is no such word:", optarg);
	}
	if (!take_prefix(program, prefix))
		return usage("names cannot begin with", prefix);
	if (optind == argc)
		return usage("what to test is missing:", "FILE.so");
	if (realpath(argv[optind], program->file) == NULL) {
		message("cannot find %s: %s", argv[optind], strerror(errno));
		return EXIT_CONFIGURATION;
	}
	program->settings.file = program->file;
	program->words = argv + optind + 1;
	return 0;
}

/* "state" is all of state/..., too. */
static bool
word_means(const char *word, const char *name)
{
	size_t length = strlen(word);

	return strncmp(word, name, length) == 0 && (name[length] == '\0' || name[length] == '/');
}

static int
check_words(const struct program *program)
{
	for (size_t i = 0; program->words[i] != NULL; i++) {
		bool known = false;

		for (size_t k = 0; k < kit_cases_count; k++)
			known = known || word_means(program->words[i], kit_cases[k].name);
		if (!known)
			return usage("there is no case", program->words[i]);
	}
	return 0;
}

/* --- the configuration -------------------------------------------------------------- */

static void
print_problem(void *arg, enum mortise_level level, const char *file, unsigned int line,
    unsigned int column, const char *text)
{
	(void)arg;
	if (level == MORTISE_LOG_ERROR)
		(void)fprintf(stderr, "%s:%u:%u: %s\n", file, line, column, text);
}

/* The backend of that name or, without one, the only one that has the plugin. */
static int
choose_backend(struct program *program)
{
	const struct config *config = program->settings.config;
	const char *base = strrchr(program->file, '/') + 1;
	size_t length = strcspn(base, "."), found = 0;

	for (size_t i = 0; i < config->backends_count; i++) {
		const struct config_backend *backend = &config->backends[i];
		bool ours = strncmp(backend->plugin, base, length) == 0 &&
		    backend->plugin[length] == '\0';

		if (program->backend == NULL ? !ours : strcmp(backend->name, program->backend) != 0)
			continue;
		if (!ours) {
			message("%s:%u:%u: backend %s has the plugin %s, and %s is to be tested",
			    backend->plugin_place.file, backend->plugin_place.line,
			    backend->plugin_place.column, backend->name, backend->plugin, base);
			return EXIT_CONFIGURATION;
		}
		program->settings.configured = backend;
		found++;
	}
	if (found == 1)
		return 0;
	message("%s: %s backend has the plugin of %s%s%s; name one by --backend", config->path,
	    found == 0 ? "no" : "more than one", base, program->backend == NULL ? "" :
	    " and is called ", program->backend == NULL ? "" : program->backend);
	return EXIT_CONFIGURATION;
}

static int
read_configuration(struct program *program)
{
	struct problems problems = {.each = print_problem};
	struct mortise_error error = {0};
	char path[PATH_MAX];

	if (program->config == NULL && program->backend == NULL)
		return 0;
	if (program->config == NULL && config_find(path, sizeof(path), &error) != MORTISE_OK) {
		message("%s", error.message);
		return EXIT_CONFIGURATION;
	}
	return config_read(program->config == NULL ? path : program->config,
	    &program->settings.config, &problems) == MORTISE_OK ? choose_backend(program) :
	    EXIT_CONFIGURATION;
}

/* --- the run ------------------------------------------------------------------------ */

static void
print_verdict(struct program *program, const struct kit_case *one)
{
	static const char *const words[] = {"ok", "skip", "fail"};
	const struct kit_report *report = program->report;
	struct buffer text _cleanup_(buffer_free) = {0};

	program->counts[report->verdict]++;
	if (program->json) {
		buffer_format(&text, "{\"case\":\"%s\",\"verdict\":\"%s\",\"message\":", one->name,
		    words[report->verdict]);
		(void)buffer_json(&text, report->words, strlen(report->words));
		buffer_text(&text, "}");
	} else
		buffer_format(&text, "%-5s %-24s %s", words[report->verdict], one->name,
		    report->verdict == KIT_OK ? one->doc : report->words);
	(void)puts(text.failed ? "out of memory" : text.data);
	(void)fflush(stdout);
}

static bool
wanted(const struct program *program, const struct kit_case *one)
{
	for (size_t i = 0; program->words[i] != NULL; i++) {
		if (word_means(program->words[i], one->name))
			return true;
	}
	return program->words[0] == NULL;
}

/* What a crashed case made is removed by another process; what is left is named. */
static void
clean_up(struct program *program)
{
	struct kit_report *report = program->report;
	bool left = false;

	for (size_t i = 0; i < report->made_count; i++)
		left = left || report->made[i].there;
	if (left)
		kit_run(&program->settings, NULL, report);
	for (size_t i = 0; i < report->made_count; i++) {
		if (report->made[i].there)
			message("left behind: the %s %s", report->made[i].state ? "record" : "secret",
			    report->made[i].name);
	}
}

static int
run(struct program *program)
{
	/* Whether it loads and opens at all, before there are verdicts. */
	kit_run(&program->settings, NULL, program->report);
	if (program->report->verdict != KIT_OK) {
		message("%s%s", program->report->words, program->settings.configured == NULL ?
		    "; options are given by --config F and --backend NAME" : "");
		return EXIT_CONFIGURATION;
	}
	for (size_t i = 0; i < kit_cases_count; i++) {
		if (!wanted(program, &kit_cases[i]))
			continue;
		kit_run(&program->settings, &kit_cases[i], program->report);
		print_verdict(program, &kit_cases[i]);
	}
	clean_up(program);
	if (!program->json)
		(void)printf("%zu ok, %zu failed, %zu skipped\n", program->counts[KIT_OK],
		    program->counts[KIT_FAIL], program->counts[KIT_SKIP]);
	if (fflush(stdout) != 0) {
		message("cannot write the verdicts: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	return program->counts[KIT_FAIL] == 0 ? 0 : EXIT_DIFFERENCE;
}

int
main(int argc, char **argv)
{
	struct program program = {.settings = {.log_level = MORTISE_LOG_WARNING,
	    .log = STDERR_FILENO}};
	bool end = false;
	int status = take_options(&program, argc, argv, &end);

	if (status != 0 || end)
		return status;
	status = check_words(&program);
	if (status == 0)
		status = read_configuration(&program);
	if (status != 0) {
		config_free(program.settings.config);
		return status;
	}
	program.report = mmap(NULL, sizeof(*program.report), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	program.settings.log = dup(STDERR_FILENO);
	if (program.report == MAP_FAILED || program.settings.log < 0) {
		message("cannot start: %s", strerror(errno));
		status = EXIT_FAILURE;
	} else
		status = run(&program);
	config_free(program.settings.config);
	return status;
}
