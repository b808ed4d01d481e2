/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mirror.h: a write that may leave a backend behind.  operation's own.
 *
 * Writers of a name take turns, by a state record that ends with its writer's time.  Before
 * the first backend is called each backend that may be left behind is marked; afterwards
 * the mark goes where the backend has taken the write, and stays as what is known where it
 * has not.  A writer that dies leaves its marks, and their time runs out: so nothing has to
 * be found out afterwards.  A route without such backends pays nothing.
 */
#ifndef OPERATION_MIRROR_H
#define OPERATION_MIRROR_H

#include "operation/behind.h"
#include "operation/run.h"

/* A writer's turn. */
struct name_turn {
	char key[MORTISE_KEY_MAX + 1];
	struct mortise_version version;
	bool taken;
};
/* For so long; unavailable: others had theirs until the operation's deadline. */
enum mortise_code name_turn_take(struct operation *, const char *name, uint64_t ms, struct name_turn *);
void name_turn_give(struct operation *, struct name_turn *);

struct mirror {
	struct operation *operation;
	const char *name;
	enum chain_op op;
	struct name_turn turn;
	struct side {
		size_t target;
		enum behind_kind before;	/* the mark that was there */
		bool called, confirmed, doubt;
	} sides[CHAIN_CALLS_MAX];
	size_t count;				/* 0: none can be left behind */
};

/* Ok: marked, or nothing to mark.  Otherwise nothing may be written. */
enum mortise_code mirror_begin(struct mirror *, const struct run *, enum chain_op);
/* A backend answered a write; or had it taken back, as it said or not. */
void mirror_called(struct mirror *, size_t target, enum mortise_code code);
void mirror_undone(struct mirror *, size_t target, bool well);
/*
 * What the chain came to.  Not ok although that was ok: it cannot be kept on record who
 * was left behind, so a put must be taken back, and this be called once more with what it
 * said; a keep and a delete stay ok.
 */
enum mortise_code mirror_end(struct mirror *, enum mortise_code code);
void mirror_close(struct mirror *);	/* the turn is over */

#endif
