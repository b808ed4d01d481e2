/* SPDX-License-Identifier: BSD-2-Clause */
/* For MAP_ANONYMOUS, madvise and explicit_bzero. */
#define _GNU_SOURCE
#include "secmem/arena.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SMALLEST 64
#define CLASSES 7			/* 64, 128, ... 4096 */
#define LARGEST (SMALLEST << (CLASSES - 1))
#define SLAB_SIZE 16384

/* One mapping that is divided into blocks of one size. */
struct slab {
	struct slab *next, *prev;	/* while it has a free block */
	unsigned char *pages;
	size_t pages_size;
	unsigned int class;
	uint16_t count, free_count;
	uint16_t free[];		/* the numbers of the free blocks */
};

/*
 * The one mutable object that a process shares.  A secret is made without a
 * context and may outlive every one, and what is locked in memory is counted
 * for the process as a whole, so there is nothing smaller to hang this from.
 */
static struct {
	pthread_mutex_t mutex;		/* guards all of it, and the slabs */
	struct slab *open[CLASSES];	/* slabs that have a free block */
	bool refused;			/* mlock said no */
} arena = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static size_t
page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t
round_to_pages(size_t size)
{
	size_t page = page_size();

	return (size + page - 1) / page * page;
}

/*
 * Whole pages between two that cannot be touched.  What an old kernel or a
 * small RLIMIT_MEMLOCK refuses is done without: a secret in plain memory is
 * better than none, and *locked tells.
 */
static unsigned char *
map_pages(size_t size, bool *locked)
{
	size_t page = page_size();
	unsigned char *start = mmap(NULL, size + 2 * page, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *pages;

	if (start == MAP_FAILED)
		return NULL;
	pages = start + page;
	if (mprotect(pages, size, PROT_READ | PROT_WRITE) != 0) {
		(void)munmap(start, size + 2 * page);
		return NULL;
	}
#ifdef MADV_DONTDUMP
	(void)madvise(pages, size, MADV_DONTDUMP);
#endif
#ifdef MADV_WIPEONFORK
	(void)madvise(pages, size, MADV_WIPEONFORK);
#endif
	*locked = mlock(pages, size) == 0;
	return pages;
}

static void
unmap_pages(unsigned char *pages, size_t size)
{
	size_t page = page_size();

	(void)munmap(pages - page, size + 2 * page);
}

static void
slab_open(struct slab *slab)
{
	struct slab **head = &arena.open[slab->class];

	slab->prev = NULL;
	slab->next = *head;
	if (*head != NULL)
		(*head)->prev = slab;
	*head = slab;
}

static void
slab_close(struct slab *slab)
{
	if (slab->prev != NULL)
		slab->prev->next = slab->next;
	else
		arena.open[slab->class] = slab->next;
	if (slab->next != NULL)
		slab->next->prev = slab->prev;
}

/* A slab that is all free, not open yet; NULL = no memory.  The mutex is held. */
static struct slab *
slab_new(unsigned int class)
{
	size_t size = round_to_pages(SLAB_SIZE);
	size_t count = size / ((size_t)SMALLEST << class);
	struct slab *slab = malloc(sizeof(*slab) + count * sizeof(slab->free[0]));
	bool locked;

	if (slab == NULL)
		return NULL;
	slab->pages = map_pages(size, &locked);
	if (slab->pages == NULL) {
		free(slab);
		return NULL;
	}
	arena.refused = arena.refused || !locked;
	slab->pages_size = size;
	slab->class = class;
	slab->count = slab->free_count = (uint16_t)count;
	for (uint16_t i = 0; i < slab->count; i++)
		slab->free[i] = (uint16_t)(slab->count - 1 - i);
	return slab;
}

static bool
take_small(size_t size, struct arena_block *block)
{
	unsigned int class = 0;
	struct slab *slab;

	while (((size_t)SMALLEST << class) < size)
		class++;
	(void)pthread_mutex_lock(&arena.mutex);
	slab = arena.open[class];
	if (slab == NULL) {
		slab = slab_new(class);
		if (slab != NULL)
			slab_open(slab);
	}
	if (slab != NULL) {
		block->size = (size_t)SMALLEST << class;
		block->slab = slab;
		block->bytes = slab->pages + slab->free[--slab->free_count] * block->size;
		if (slab->free_count == 0)
			slab_close(slab);
	}
	(void)pthread_mutex_unlock(&arena.mutex);
	return slab != NULL;
}

static bool
take_big(size_t size, struct arena_block *block)
{
	bool locked;

	size = round_to_pages(size);
	block->bytes = map_pages(size, &locked);
	if (block->bytes == NULL)
		return false;
	block->size = size;
	block->slab = NULL;
	if (!locked) {
		(void)pthread_mutex_lock(&arena.mutex);
		arena.refused = true;
		(void)pthread_mutex_unlock(&arena.mutex);
	}
	return true;
}

bool
arena_take(size_t size, struct arena_block *block)
{
	return size <= LARGEST ? take_small(size, block) : take_big(size, block);
}

/* Keeps one free slab of a size: the next secret comes soon. */
static void
give_small(const struct arena_block *block)
{
	struct slab *slab = block->slab;
	bool unused;

	(void)pthread_mutex_lock(&arena.mutex);
	if (slab->free_count == 0)
		slab_open(slab);
	slab->free[slab->free_count++] =
	    (uint16_t)((size_t)(block->bytes - slab->pages) / block->size);
	unused = slab->free_count == slab->count && (slab->prev != NULL || slab->next != NULL);
	if (unused)
		slab_close(slab);
	(void)pthread_mutex_unlock(&arena.mutex);
	if (unused) {
		unmap_pages(slab->pages, slab->pages_size);
		free(slab);
	}
}

void
arena_give(struct arena_block *block)
{
	if (block->bytes == NULL)
		return;
	explicit_bzero(block->bytes, block->size);
	if (block->slab != NULL)
		give_small(block);
	else
		unmap_pages(block->bytes, block->size);
	*block = (struct arena_block){NULL, 0, NULL};
}

bool
arena_locked(void)
{
	bool refused;

	(void)pthread_mutex_lock(&arena.mutex);
	refused = arena.refused;
	(void)pthread_mutex_unlock(&arena.mutex);
	return !refused;
}
