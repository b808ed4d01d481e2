/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rows cannot say: deadlines, the order of drops and undos, the trace, how
 * often the clock is read, and what chain_check says.  The clock is the test's:
 * it stands still but while a backend works.
 */
#include <stdarg.h>
#include <time.h>

#include "../test.h"
#include "base/attr.h"
#include "base/clock.h"
#include "chain/chain.h"

#define BY_WORD {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1}
#define START 1000
#define TIMEOUT_NONE UINT64_MAX

/* In milliseconds, as all times here; the ticks come so much later. */
static uint64_t fake_now, tick_lag;
static unsigned int clock_reads;

/* In place of the C library's. */
int
clock_gettime(clockid_t id, struct timespec *t)
{
	uint64_t now = id == CLOCK_MONOTONIC ? fake_now : fake_now - tick_lag;

	clock_reads++;
	t->tv_sec = (time_t)(now / 1000);
	t->tv_nsec = (long)(now % 1000 * NS_PER_MS);
	return 0;
}

static uint64_t
from_ms(uint64_t ms)
{
	return ms == UINT64_MAX ? ms : ms * NS_PER_MS;
}

/* A backend: what it says, after how long, and its timeout. */
struct behaviour {
	enum mortise_code code;
	uint64_t takes, timeout;
};

struct world {
	const struct behaviour *backends;
	char events[1024];
};

static _printf_(2, 3) void
event(struct world *world, const char *format, ...)
{
	size_t length = strlen(world->events);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(world->events + length, sizeof(world->events) - length, format, args);
	va_end(args);
}

/* Events: "A<5000" A is called until 5000, "-0" answer 0 is dropped, "~A0" A
 * takes write 0 back, "(1 A ok done 50)" a step of the trace. */
static enum mortise_code
world_call(void *arg, const struct chain_entry *entry, size_t number, uint64_t deadline)
{
	struct world *world = arg;

	(void)number;
	if (deadline == DEADLINE_NEVER)
		event(world, "%s<never ", entry->use);
	else
		event(world, "%s<%ju ", entry->use, (uintmax_t)(deadline / NS_PER_MS));
	fake_now += world->backends[entry->target].takes;
	return world->backends[entry->target].code;
}

static void
world_drop(void *arg, size_t number)
{
	event(arg, "-%zu ", number);
}

static void
world_undo(void *arg, const struct chain_entry *entry, size_t number)
{
	event(arg, "~%s%zu ", entry->use, number);
	fake_now += 1000;
}

static uint64_t
world_timeout(void *arg, const struct chain_entry *entry)
{
	struct world *world = arg;

	return from_ms(world->backends[entry->target].timeout);
}

static void
world_trace(void *arg, const struct chain_step *step)
{
	event(arg, "(%u %s%s %s %s %ju) ", step->depth, step->entry->use,
	    step->number == SIZE_MAX ? "!" : "", mortise_code_name(step->code),
	    chain_action_name(step->action), (uintmax_t)(step->ns / NS_PER_MS));
}

/* Chains of backends A, B, C, D, whose targets are 0 to 3. */
#define CALL(name, word, number) {{"chains.yaml", 1, number}, name, word, BY_WORD, NULL, number, false}
#define INNER(name, word, chain) {{"chains.yaml", 2, 1}, name, word, BY_WORD, chain, 0, false}
#define CHAIN(name, list) {name, {"chains.yaml", 3, 1}, list, ARRAY_SIZE(list)}

static const struct chain_entry abc_entries[] = {CALL("A", CHAIN_FALLBACK, 0),
    CALL("B", CHAIN_FALLBACK, 1), CALL("C", CHAIN_FALLBACK, 2)};
static const struct chain abc = CHAIN("abc", abc_entries);

static const struct chain_entry all_entries[] = {CALL("A", CHAIN_OPTIONAL, 0),
    CALL("B", CHAIN_OPTIONAL, 1), CALL("C", CHAIN_REQUIRED, 2), CALL("D", CHAIN_OPTIONAL, 3)};
static const struct chain all = CHAIN("all", all_entries);

static const struct chain_entry ab_entries[] = {CALL("A", CHAIN_REQUIRED, 0),
    CALL("B", CHAIN_REQUIRED, 1)};
static const struct chain ab = CHAIN("ab", ab_entries);
static const struct chain_entry nested_entries[] = {INNER("ab", CHAIN_OPTIONAL, &ab),
    CALL("C", CHAIN_OPTIONAL, 2), CALL("D", CHAIN_OPTIONAL, 3)};
static const struct chain nested = CHAIN("nested", nested_entries);
static const struct chain_entry twice_entries[] = {INNER("ab", CHAIN_OPTIONAL, &ab),
    INNER("ab", CHAIN_REQUIRED, &ab)};
static const struct chain twice = CHAIN("twice", twice_entries);
static const struct chain_entry single_entries[] = {CALL("A", CHAIN_DEFAULT, 0)};
static const struct chain single = CHAIN("single", single_entries);

enum features { BARE = 0, TIMEOUTS = 1, TRACE = 2 };

#define OK MORTISE_OK
#define GONE MORTISE_NOT_FOUND
#define AWAY MORTISE_UNAVAILABLE
#define LATE MORTISE_TIMEOUT
#define NO MORTISE_DENIED

static const struct run_row {
	const char *what;
	const struct chain *chain;
	enum chain_op op;
	enum features features;
	uint64_t deadline;
	struct behaviour backends[4];
	unsigned int reads;
	const char *events;
} run_rows[] = {
	{"without a deadline the clock is not read", &abc, CHAIN_GET, BARE, DEADLINE_NEVER,
	    {{AWAY, 100, 0}, {GONE, 100, 0}, {OK, 100, 0}}, 0,
	    "A<never B<never C<never "},
	{"nor for a trace, which then has no times", &abc, CHAIN_GET, TRACE, DEADLINE_NEVER,
	    {{AWAY, 100, 0}, {OK, 100, 0}}, 0,
	    "A<never (1 A unavailable ignore 0) B<never (1 B ok done 0) "},
	{"nor for a list of one", &single, CHAIN_GET, BARE, 9000,
	    {{OK, 100, 0}}, 0, "A<9000 "},
	{"half of what is left, and all of it for the last", &abc, CHAIN_GET, BARE, 9000,
	    {{AWAY, 1000, 0}, {AWAY, 500, 0}, {OK, 0, 0}}, 2,
	    "A<5000 B<5500 C<9000 "},
	{"a backend's own timeout, where it is shorter", &abc, CHAIN_GET, TIMEOUTS, 9000,
	    {{AWAY, 1000, 3000}, {AWAY, 500, 9999}, {OK, 0, 2000}}, 3,
	    "A<4000 B<5500 C<4500 "},
	{"timeouts without a deadline", &abc, CHAIN_GET, TIMEOUTS, DEADLINE_NEVER,
	    {{AWAY, 1000, 3000}, {AWAY, 500, TIMEOUT_NONE}, {OK, 0, 2000}}, 3,
	    "A<4000 B<never C<4500 "},
	{"an inner chain counts as one", &nested, CHAIN_GET, BARE, 9000,
	    {{OK, 500, 0}, {OK, 500, 0}, {OK, 1000, 0}, {OK, 0, 0}}, 2,
	    "A<3000 B<5000 -1 C<5500 -2 D<9000 -3 "},
	{"a deadline that is over stays what it is", &abc, CHAIN_GET, BARE, 500,
	    {{LATE, 100, 0}, {LATE, 100, 0}, {LATE, 100, 0}}, 2,
	    "A<500 B<500 C<500 "},
	{"with everything it is read once an entry, and at the start", &nested, CHAIN_GET,
	    TIMEOUTS | TRACE, 9000,
	    {{OK, 10, 9999}, {OK, 20, 9999}, {NO, 30, 9999}, {NO, 40, 9999}}, 5,
	    "A<3000 (2 A ok ok 10) B<5000 (2 B ok ok 20) -1 (1 ab! ok ok 30) "
	    "C<5015 (1 C denied ignore 30) D<9000 (1 D denied ignore 40) "},
	{"an answer is dropped as soon as it is passed over", &all, CHAIN_GET, BARE,
	    DEADLINE_NEVER, {{OK, 0, 0}, {OK, 0, 0}, {NO, 0, 0}, {OK, 0, 0}}, 0,
	    "A<never B<never -1 C<never -0 D<never -3 "},
	{"a failed inner chain drops its own", &nested, CHAIN_GET, BARE, DEADLINE_NEVER,
	    {{OK, 0, 0}, {NO, 0, 0}, {OK, 0, 0}, {OK, 0, 0}}, 0,
	    "A<never B<never -0 C<never D<never -3 "},
	{"a failed inner put is taken back at once, on its own time", &nested, CHAIN_PUT, BARE,
	    9000, {{OK, 500, 0}, {LATE, 500, 0}, {OK, 500, 0}, {OK, 0, 0}}, 2,
	    "A<3000 B<5000 -0 ~B1 ~A0 C<6500 D<9000 -3 "},
	{"what an inner put wrote is its outer chain's", &twice, CHAIN_PUT, TRACE, DEADLINE_NEVER,
	    {{OK, 0, 0}, {OK, 0, 0}}, 0,
	    "A<never (2 A ok ok 0) B<never (2 B ok ok 0) -1 (1 ab! ok ok 0) "
	    "A<never (2 A ok ok 0) B<never (2 B ok ok 0) -3 (1 ab! ok ok 0) -2 "},
	{"a keep takes nothing back", &all, CHAIN_KEEP, BARE, DEADLINE_NEVER,
	    {{LATE, 0, 0}, {AWAY, 0, 0}, {NO, 0, 0}, {LATE, 0, 0}}, 0,
	    "A<never B<never C<never D<never "},
	{"a put that fails takes back from the newest", &all, CHAIN_PUT, BARE, DEADLINE_NEVER,
	    {{LATE, 0, 0}, {MORTISE_ERROR, 0, 0}, {NO, 0, 0}, {OK, 0, 0}}, 0,
	    "A<never B<never C<never D<never -3 ~D3 ~B1 ~A0 "},
};

static void
test_runs(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(run_rows); i++) {
		const struct run_row *row = &run_rows[i];
		struct world world = {.backends = row->backends};
		const struct chain_host host = {world_call, world_drop, world_undo,
		    (row->features & TIMEOUTS) != 0 ? world_timeout : NULL};
		const struct chain_run run = {&host, &world, row->op, from_ms(row->deadline),
		    (row->features & TRACE) != 0 ? world_trace : NULL};
		size_t answer;

		fake_now = START;
		clock_reads = 0;
		(void)chain_run(row->chain, &run, &answer);
		CHECK_TEXT_AS(world.events, row->events, row->what);
		CHECK_NUMBER_AS(clock_reads, row->reads, row->what);
	}
}

/* The last tick will do, but for a time that is short against it. */
static void
test_ticks(void)
{
	const struct behaviour backends[] = {{AWAY, 0, 0}, {AWAY, 0, 0}, {AWAY, 0, 0}};
	const struct chain_host host = {.call = world_call};
	struct world world = {.backends = backends};
	struct chain_run run = {&host, &world, CHAIN_GET, from_ms(9000), NULL};
	size_t answer;

	fake_now = START;
	tick_lag = 4;
	(void)chain_run(&abc, &run, &answer);
	CHECK_TEXT(world.events, "A<4998 B<4998 C<9000 ");
	world.events[0] = '\0';
	run.deadline = from_ms(1300);
	(void)chain_run(&abc, &run, &answer);
	CHECK_TEXT(world.events, "A<1152 B<1152 C<1300 ");
	tick_lag = 0;
}

static void
test_answers(void)
{
	const struct behaviour good[] = {{AWAY, 0, 0}, {OK, 0, 0}, {OK, 0, 0}};
	const struct behaviour bad[] = {{AWAY, 0, 0}, {GONE, 0, 0}, {GONE, 0, 0}};
	struct world world = {.backends = good};
	const struct chain_host host = {.call = world_call};
	struct chain_run run = {&host, &world, CHAIN_GET, DEADLINE_NEVER, NULL};
	size_t answer = 99;

	CHECK_NUMBER(chain_run(&abc, &run, &answer), MORTISE_OK);
	CHECK_NUMBER_AS(answer, 1, "the answer is call 1");
	world.backends = bad;
	answer = 99;
	CHECK_NUMBER(chain_run(&abc, &run, &answer), MORTISE_UNAVAILABLE);
	CHECK_NUMBER_AS(answer, 99, "a failure leaves the answer alone");
	run.op = CHAIN_PUT;
	world.backends = (const struct behaviour[]){{OK, 0, 0}, {NO, 0, 0}};
	CHECK_NUMBER_AS(chain_run(&ab, &run, &answer), MORTISE_DENIED,
	    "a host without drop and undo");
}

/* --- what may run ------------------------------------------------------------ */

static void
check_breach(const struct chain *chain, const char *message, unsigned int line,
    unsigned int column)
{
	struct mortise_error error;

	error_clear(&error);
	CHECK_NUMBER_AS(chain_check(chain, &error), MORTISE_INVALID, message);
	CHECK_TEXT(error.message, message);
	CHECK_NUMBER(error.reason, MORTISE_REASON_CONFIGURATION);
	CHECK_TEXT(error.file, "chains.yaml");
	CHECK_NUMBER(error.line, line);
	CHECK_NUMBER(error.column, column);
}

static void
test_breaches(void)
{
	static const struct chain empty = {"empty", {"chains.yaml", 7, 3}, NULL, 0};
	struct chain_entry entries[2] = {CALL("A", CHAIN_REQUIRED, 0),
	    INNER("loop", CHAIN_REQUIRED, NULL)};
	struct chain loop = CHAIN("loop", entries);

	check_breach(&empty, "an empty chain; name a backend in it", 7, 3);
	entries[1].inner = &loop;
	check_breach(&loop, "chain 'loop' runs itself by this entry; take the entry out", 2, 1);
	entries[0].codes[MORTISE_DENIED] = CHAIN_OK;
	check_breach(&loop, "entry 'A': denied cannot become ok, nothing but ok is a success; "
	    "use bad, die or ignore", 1, 0);
	entries[0].codes[MORTISE_DENIED] = CHAIN_PASS;
	entries[0].codes[MORTISE_OK] = CHAIN_DONE;
	entries[1].inner = &single;
	CHECK_NUMBER(chain_check(&loop, NULL), MORTISE_OK);
}

static void
test_depth(void)
{
	struct chain chains[CHAIN_DEPTH_MAX + 2];
	struct chain_entry entries[CHAIN_DEPTH_MAX + 2];
	struct chain_entry bottom = CALL("A", CHAIN_REQUIRED, 0);

	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		bool deepest = i + 1 == ARRAY_SIZE(chains);

		entries[i] = (struct chain_entry)INNER("deep", CHAIN_REQUIRED,
		    deepest ? NULL : &chains[i + 1]);
		chains[i] = (struct chain){"deep", {"chains.yaml", 3, 1},
		    deepest ? &bottom : &entries[i], 1};
	}
	CHECK_NUMBER_AS(chain_check(&chains[1], NULL), MORTISE_OK, "16 inner chains");
	CHECK_NUMBER(chain_calls(&chains[1]), 1);
	check_breach(&chains[0], "chain 'deep' is nested deeper than 16; "
	    "write its entries out here", 2, 1);
}

static void
test_calls(void)
{
	struct chain_entry many[CHAIN_CALLS_MAX];
	struct chain chain = {"many", {"chains.yaml", 3, 1}, many, CHAIN_CALLS_MAX};

	for (size_t i = 0; i < CHAIN_CALLS_MAX; i++)
		many[i] = (struct chain_entry)CALL("A", CHAIN_REQUIRED, 0);
	CHECK_NUMBER_AS(chain_check(&chain, NULL), MORTISE_OK, "64 calls");
	CHECK_NUMBER(chain_calls(&chain), 64);
	many[0].inner = &ab;
	CHECK_NUMBER_AS(chain_calls(&chain), 65, "an inner chain's calls count");
	check_breach(&chain, "more than 64 backend calls in one chain; take entries out", 1, 0);
}

/* --- words ------------------------------------------------------------------- */

static void
test_words(void)
{
	enum chain_word word = CHAIN_DEFAULT;
	enum chain_action action = CHAIN_OK;

	for (int i = CHAIN_REQUIRED; i < CHAIN_WORDS; i++)
		CHECK_AS(chain_word_parse(chain_word_name((enum chain_word)i), &word) &&
		    (int)word == i, "word %d and back", i);
	for (int i = 0; i < CHAIN_ACTIONS; i++)
		CHECK_AS(chain_action_parse(chain_action_name((enum chain_action)i), &action) &&
		    (int)action == i, "action %d and back", i);
	CHECK_TEXT(chain_word_name(CHAIN_DEFAULT), "-");
	CHECK(!chain_word_parse("-", &word) && !chain_word_parse("require", &word));
	CHECK(!chain_action_parse("pass", &action));
	CHECK_TEXT(chain_op_name(CHAIN_KEEP), "keep");
	CHECK_NUMBER(chain_default_word(CHAIN_GET), CHAIN_FALLBACK);
	CHECK_NUMBER(chain_default_word(CHAIN_PUT), CHAIN_REQUISITE);
	CHECK_NUMBER(chain_default_word(CHAIN_KEEP), CHAIN_REQUISITE);
	CHECK_NUMBER(chain_default_word(CHAIN_DELETE), CHAIN_REQUIRED);
}

static void
test_order_of_rules(void)
{
	struct chain_entry entry = CALL("A", CHAIN_BINDING, 0);

	CHECK_NUMBER(chain_action_for(&entry, MORTISE_NOT_FOUND, CHAIN_GET), CHAIN_BAD);
	CHECK_NUMBER(chain_action_for(&entry, MORTISE_NOT_FOUND, CHAIN_DELETE), CHAIN_PASS);
	CHECK_NUMBER(chain_action_for(&entry, MORTISE_IGNORE, CHAIN_GET), CHAIN_PASS);
	CHECK_NUMBER(chain_action_for(&entry, (enum mortise_code)999, CHAIN_GET), CHAIN_BAD);
	entry.codes[MORTISE_NOT_FOUND] = CHAIN_DIE;
	entry.codes[MORTISE_IGNORE] = CHAIN_BAD;
	entry.codes[MORTISE_OK] = CHAIN_DIE;
	CHECK_NUMBER_AS(chain_action_for(&entry, MORTISE_NOT_FOUND, CHAIN_DELETE), CHAIN_DIE,
	    "codes come before the delete's rule");
	CHECK_NUMBER_AS(chain_action_for(&entry, MORTISE_IGNORE, CHAIN_GET), CHAIN_BAD,
	    "codes hold for ignore too");
	CHECK_NUMBER_AS(chain_action_for(&entry, MORTISE_NOT_FOUND, CHAIN_KEEP), CHAIN_PASS,
	    "the keep rule comes last");
	CHECK_NUMBER_AS(chain_action_for(&entry, MORTISE_OK, CHAIN_KEEP), CHAIN_OK,
	    "the keep rule counts who holds it");
}

int
main(void)
{
	test_runs();
	test_answers();
	test_ticks();
	test_breaches();
	test_depth();
	test_calls();
	test_words();
	test_order_of_rules();
	return test_end();
}
