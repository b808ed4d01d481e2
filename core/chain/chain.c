/* SPDX-License-Identifier: BSD-2-Clause */
#include "chain/chain.h"

#include "base/clock.h"
#include "base/code.h"

#define NO_ANSWER SIZE_MAX
#define TICK_SHOWS_NS (200 * NS_PER_MS)

/* What one run shares between its lists. */
struct machine {
	const struct chain_run *run;
	size_t calls;			/* made so far */
	bool timed;			/* somebody wants times, so the clock is read */
	bool now_is_fresh;		/* nothing has taken time since now was read */
	uint64_t now;
	/* Of a put: the calls that wrote or may have written, in order.  Those of
	 * an inner chain lie on top and stay there when it succeeds. */
	size_t writes_count;
	struct {
		const struct chain_entry *entry;
		size_t number;
	} writes[CHAIN_CALLS_MAX];
};

/* What one list has come to so far. */
struct verdict {
	enum { NONE, YES, NO } impression;
	enum mortise_code failure;	/* of NO */
	size_t answer;			/* of YES */
	enum mortise_code noted;	/* the gravest that was passed by; ok: none */
	enum mortise_code silence;	/* timeout or unavailable of a backend; ok: all spoke */
	bool all_abstained;
};

static enum mortise_code
graver(enum mortise_code a, enum mortise_code b)
{
	static const unsigned char rank[MORTISE_CODES] = {
		[MORTISE_OK] = 0,
		[MORTISE_IGNORE] = 0,
		[MORTISE_NOT_FOUND] = 1,
		[MORTISE_UNSUPPORTED] = 2,
		[MORTISE_UNAVAILABLE] = 3,
		[MORTISE_TIMEOUT] = 4,
		[MORTISE_CONFLICT] = 5,
		[MORTISE_INVALID] = 6,
		[MORTISE_DENIED] = 7,
		[MORTISE_ERROR] = 8,
	};

	return rank[b] > rank[a] ? b : a;
}

/* One read serves the end of an entry and the beginning of the next.  The last
 * tick will do, unless somebody looks at the times. */
static uint64_t
machine_now(struct machine *m)
{
	if (!m->now_is_fresh) {
		m->now = m->timed ? clock_monotonic_ns() : clock_tick_ns();
		m->now_is_fresh = true;
	}
	return m->now;
}

/* When an entry has to be back, if its list has until `deadline`. */
static uint64_t
entry_deadline(struct machine *m, const struct chain_entry *entry, uint64_t deadline, bool last)
{
	const struct chain_host *host = m->run->host;
	bool has_timeout = host->timeout != NULL && entry->inner == NULL;
	bool shares = !last && deadline != DEADLINE_NEVER;
	uint64_t share, timeout;

	if ((!has_timeout && !shares) || machine_now(m) >= deadline)
		return deadline;
	share = deadline - m->now;
	if (shares)
		share /= 2;
	timeout = has_timeout ? host->timeout(m->run->arg, entry) : share;
	if (timeout > share)
		timeout = share;
	/* Of a short time a tick is too much to lose. */
	return (timeout < TICK_SHOWS_NS ? clock_monotonic_ns() : m->now) + timeout;
}

static void
machine_drop(const struct machine *m, size_t answer)
{
	if (m->run->host->drop != NULL)
		m->run->host->drop(m->run->arg, answer);
}

/* Takes back, newest first, what was written since there were `base` writes. */
static void
machine_undo(struct machine *m, size_t base)
{
	while (m->writes_count > base) {
		m->writes_count--;
		if (m->run->host->undo != NULL)
			m->run->host->undo(m->run->arg, m->writes[m->writes_count].entry,
			    m->writes[m->writes_count].number);
		m->now_is_fresh = false;
	}
}

/* Asks a backend and remembers what it may have written. */
static enum mortise_code
machine_call(struct machine *m, const struct chain_entry *entry, uint64_t deadline, size_t *number)
{
	enum mortise_code code;

	*number = m->calls++;
	code = code_known(m->run->host->call(m->run->arg, entry, *number, deadline));
	m->now_is_fresh = false;
	if (m->run->op == CHAIN_PUT &&
	    (code == MORTISE_OK || code == MORTISE_TIMEOUT || code == MORTISE_ERROR)) {
		m->writes[m->writes_count].entry = entry;
		m->writes[m->writes_count].number = *number;
		m->writes_count++;
	}
	return code;
}

static void
verdict_yes(const struct machine *m, struct verdict *v, size_t answer)
{
	if (v->impression != NONE) {
		machine_drop(m, answer);
		return;
	}
	v->impression = YES;
	v->answer = answer;
}

static void
verdict_no(const struct machine *m, struct verdict *v, enum mortise_code code)
{
	if (v->impression == NO)
		return;
	if (v->impression == YES)
		machine_drop(m, v->answer);
	v->impression = NO;
	v->failure = code == MORTISE_OK || code == MORTISE_IGNORE ? MORTISE_ERROR : code;
}

/* Takes an entry's result in; says whether the list goes on. */
static bool
verdict_add(const struct machine *m, struct verdict *v, enum mortise_code code,
    enum chain_action action, size_t answer)
{
	v->all_abstained = v->all_abstained && code == MORTISE_IGNORE;
	if (code == MORTISE_OK && action != CHAIN_OK && action != CHAIN_DONE)
		machine_drop(m, answer);
	switch (action) {
	case CHAIN_OK:
		verdict_yes(m, v, answer);
		return true;
	case CHAIN_DONE:
		verdict_yes(m, v, answer);
		return v->impression == NO;
	case CHAIN_BAD:
		verdict_no(m, v, code);
		return true;
	case CHAIN_DIE:
		verdict_no(m, v, code);
		return false;
	case CHAIN_PASS:
		v->noted = graver(v->noted, code);
		return true;
	}
	return false;
}

static enum mortise_code
verdict_end(const struct verdict *v, enum chain_op op, unsigned int depth)
{
	enum mortise_code code = MORTISE_ERROR;

	switch (v->impression) {
	case YES:
		return MORTISE_OK;
	case NO:
		code = v->failure;
		break;
	case NONE:
		if (v->noted != MORTISE_OK)
			code = v->noted;
		else if (depth > 1 && v->all_abstained)
			code = MORTISE_IGNORE;
		break;
	}
	/* Who did not answer may hold it. */
	if (code == MORTISE_NOT_FOUND && op == CHAIN_GET && v->silence != MORTISE_OK)
		code = v->silence;
	return code;
}

static enum mortise_code run_list(struct machine *m, const struct chain *chain,
    unsigned int depth, uint64_t deadline, struct verdict *v);

/* Runs one entry, a call or an inner chain; says whether the list goes on. */
static bool
run_entry(struct machine *m, const struct chain_entry *entry, unsigned int depth,
    uint64_t deadline, struct verdict *v)
{
	const struct chain_run *run = m->run;
	uint64_t begun = m->timed ? machine_now(m) : 0;
	size_t number = SIZE_MAX, answer;
	enum mortise_code code, silence;
	enum chain_action action;

	if (entry->inner == NULL) {
		code = machine_call(m, entry, deadline, &number);
		answer = number;
		silence = code == MORTISE_TIMEOUT || code == MORTISE_UNAVAILABLE ?
		    code : MORTISE_OK;
	} else {
		struct verdict inner;

		code = run_list(m, entry->inner, depth + 1, deadline, &inner);
		answer = inner.answer;
		silence = inner.silence;
	}
	v->silence = graver(v->silence, silence);
	action = chain_action_for(entry, code, run->op);
	if (run->trace != NULL) {
		const struct chain_step step = {entry, depth, number, code, action,
		    m->timed ? machine_now(m) - begun : 0};

		run->trace(run->arg, &step);
	}
	return verdict_add(m, v, code, action, answer);
}

static enum mortise_code
run_list(struct machine *m, const struct chain *chain, unsigned int depth, uint64_t deadline,
    struct verdict *v)
{
	size_t base = m->writes_count;
	enum mortise_code code;
	bool go_on = true;

	*v = (struct verdict){NONE, MORTISE_OK, NO_ANSWER, MORTISE_OK, MORTISE_OK, true};
	for (size_t i = 0; i < chain->count && go_on; i++) {
		const struct chain_entry *entry = &chain->entries[i];
		bool last = i + 1 == chain->count;

		go_on = run_entry(m, entry, depth, entry_deadline(m, entry, deadline, last), v);
	}
	code = verdict_end(v, m->run->op, depth);
	if (code != MORTISE_OK)
		machine_undo(m, base);
	return code;
}

enum mortise_code
chain_run(const struct chain *chain, const struct chain_run *run, size_t *answer)
{
	struct machine m;
	struct verdict v;
	enum mortise_code code;

	/* Not the writes: they are many, and only the counted ones are read. */
	m.run = run;
	m.calls = 0;
	m.timed = run->trace != NULL &&
	    (run->deadline != DEADLINE_NEVER || run->host->timeout != NULL);
	m.now_is_fresh = false;
	m.writes_count = 0;
	code = run_list(&m, chain, 1, run->deadline, &v);
	if (code == MORTISE_OK)
		*answer = v.answer;
	return code;
}
