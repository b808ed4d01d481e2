/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * generations.h: how often this process has written each name, through any
 * backend.  What was read before a write is neither kept nor shared after it.
 *
 * Names share counters by their hash: two that do cost each other a cached
 * answer, and never a wrong one.
 */
#ifndef BACKEND_GENERATIONS_H
#define BACKEND_GENERATIONS_H

#include <stdatomic.h>
#include <stdint.h>

#define GENERATIONS 1024	/* a power of two */

/* Zeroed is ready.  Any thread, any time; NULL: nobody writes. */
struct generations {
	_Atomic uint64_t counters[GENERATIONS];
};

uint64_t generations_of(const struct generations *generations, uint64_t hash);
/* A put, keep, delete or undo of the name has ended, whatever came of it. */
void generations_raise(struct generations *generations, const char *name);

/* FNV-1a, 64 bits. */
uint64_t name_hash(const char *name);

#endif
