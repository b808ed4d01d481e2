/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.h: the pages behind struct mortise_secret; for secret.c alone.  Small
 * blocks share a mapping, big ones have one each.  What is known about a block
 * lies in the heap, apart from the bytes, so that no overrun can change it.
 */
#ifndef SECMEM_ARENA_H
#define SECMEM_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct slab;

struct arena_block {
	unsigned char *bytes;
	size_t size;
	struct slab *slab;	/* NULL: a mapping of its own */
};

/* At least size bytes, all zero; false = no memory. */
bool arena_take(size_t size, struct arena_block *block);
/* Wipes it and makes it {0}; an empty one is fine. */
void arena_give(struct arena_block *block);
/* false: mlock was refused at least once. */
bool arena_locked(void);

#endif
