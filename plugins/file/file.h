/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file: an audit sink that writes lines to a file, for whatever reads logs.
 *
 * Which lines of a file are whose is kept beside it, in PATH.position, as runs: a run is
 * the lines of one trail that lie together in one file.  Only the newest run grows, at
 * the end of the file at PATH, and each run is on the disk before its first line is
 * written.  So what lies behind the place that the newest run names belongs to it, and
 * after a crash it is looked at, counted or cut off: nothing is written twice.
 *
 * Files are known by device and inode, not by name: they are moved while they are
 * written.
 */
#ifndef FILE_FILE_H
#define FILE_FILE_H

#include <mortise/plugin.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "sdk/buffer.h"

#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define RUNS_MAX 128
#define KEEP_MAX 100
#define TRAIL_SIZE 33			/* a trail's id, with its NUL */

struct run {
	char trail[TRAIL_SIZE];
	uint64_t seq;			/* of its last record that is known to be durable */
	uint64_t device, inode;		/* both 0: the file is gone */
	uint64_t from, to;		/* its bytes; those behind are not known to be durable */
};

struct runs {
	struct run list[RUNS_MAX];	/* in the order in which they began */
	size_t count;
};

struct sink {
	const struct mortise_host *host;
	struct mortise_call *call;	/* of the function that runs */
	const char *path;		/* the options', which live as long */
	char *directory, *position, *temporary;
	mode_t mode;
	bool flat;
	uint64_t rotate_size;		/* 0: never */
	unsigned int keep;
	struct buffer buffer;		/* lines on their way */
	/* The file at the path, as it was left; fd -1: none. */
	int fd;
	uint64_t device, inode;
	uint64_t end;			/* behind its last whole line */
	bool ours;			/* the newest run is at its end ... */
	uint64_t seq;			/* ... and this is its last record */
	bool dirty;			/* it is not known to be durable */
	struct runs runs;
};

/* --- runs.c: the file PATH.position ------------------------------------------------ */

/* Without a file there are none. */
enum mortise_code runs_load(const struct sink *, struct runs *);
/* Replaces the file by sink->runs. */
enum mortise_code runs_store(const struct sink *);
/* The newest one; NULL: there is none. */
struct run *runs_newest(struct runs *);
/* The newest one of this trail; NULL: it has none. */
const struct run *runs_of(const struct runs *, const char *trail);
/* Room for one more at the end, which comes from the oldest that is missed least. */
struct run *runs_add(struct runs *);
/* A file was made that has the number of one that is gone. */
void runs_forget(struct runs *, uint64_t device, uint64_t inode);

/* --- lines.c: what a line is ------------------------------------------------------- */

/* A line as the options want it, with its LF, behind what the buffer has. */
void line_render(const struct sink *, const struct mortise_line *, struct buffer *);
/* Of a line of either format, without its LF; false: it is none. */
bool line_seq(const char *line, size_t size, uint64_t *seq);
/* Do both have the same hash? */
bool line_same(const char *line, size_t size, const struct mortise_line *);
/* Of what line_seq takes: the bytes that are personal, and whether null stands for them or
 * nothing; false: there are none (any more). */
bool line_personal(const char *line, size_t size, size_t *from, size_t *to, bool *null);

/* --- open.c: the file at the path -------------------------------------------------- */

int open_again(const char *path, int flags, mode_t mode);
ssize_t read_at(int fd, void *bytes, size_t size, uint64_t offset);
int sync_data(int fd);
enum mortise_code fail_memory(const struct sink *);
/* Of errno: "what: why".  denied where it is a matter of rights, else unavailable. */
enum mortise_code fail_errno(const struct sink *, const char *what);
enum mortise_code check_status(const struct sink *, const char *path, const struct stat *);

/* Takes in what became of the file at the path: it may have been moved, removed, cut, or
 * written by another process.  Then fd is -1, or `ours` says whether it can be gone on
 * with. */
enum mortise_code sink_catch_up(struct sink *);
/* That, and the newest run is of this trail: lines can be written. */
enum mortise_code sink_ready(struct sink *, const char *trail);
/* All that was written is durable, and noted as such. */
enum mortise_code sink_sync(struct sink *);
/* Moves the file out of the way, and begins another. */
enum mortise_code sink_rotate(struct sink *, const char *trail);

/* --- the operations (emit.c, erase.c) ---------------------------------------------- */

enum mortise_code file_emit(void *, struct mortise_call *, const struct mortise_line *,
    size_t count, size_t *taken);
enum mortise_code file_flush(void *, struct mortise_call *);
enum mortise_code file_position(void *, struct mortise_call *, const char *trail,
    uint64_t *seq);
enum mortise_code file_erase(void *, struct mortise_call *, const char *trail,
    const uint64_t *seqs, size_t count);

#endif
