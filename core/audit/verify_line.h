/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verify_line.h: the verifier's own reading of a line, strict and pure: it takes no
 * word of the writer's code, nor of a JSON library, for what the line says.
 */
#ifndef AUDIT_VERIFY_LINE_H
#define AUDIT_VERIFY_LINE_H

#include <mortise/types.h>

#define SCAN_LINE_MAX 16383	/* without its LF */
#define SCAN_HASH_SIZE 64
#define SCAN_TEXT_MAX 136

/* A member of c: absent, of another type, or what it is. */
enum scan_type {
	SCAN_ABSENT,
	SCAN_NULL,
	SCAN_TRUE,
	SCAN_INT,
	SCAN_TEXT,
	SCAN_OTHER
};
struct scan_value {
	enum scan_type type;
	int64_t number;
	/* Cut: no text that is asked for is longer.  "" if it has a NUL in it. */
	char text[SCAN_TEXT_MAX];
};

struct scan_line {
	const char *c, *p, *hash;	/* in the line; hash is 64 bytes, not checked */
	size_t c_size, p_size;
	struct scan_value v, seq, ts, t, trail, before, anew, pc;
	struct scan_value gap_from, gap_to;
	const char *records;		/* of an erase: where its list begins; NULL */
};

/* An export's first line, which is no record. */
#define SCAN_EXPORT "{\"mortiseExport\":1}"

/* What scan_line works in, so that it needs no memory: want of it would look like
 * a broken line.  A key takes two bytes more there and its two quotes less. */
#define SCAN_ROOM (SCAN_LINE_MAX + 8)

/* false = not of a record's form: {"c":{…},"p":…,"h":"…"}, UTF-8, c an object
 * without doubled keys, floats or numbers of 2^53 and more. */
bool scan_line(const char *text, size_t size, char room[SCAN_ROOM], struct scan_line *line);

/* A member of c that is asked for. */
struct scan_member {
	const char *name;		/* NULL: no more of them */
	struct scan_value *value;
};
/* Others than those above, of a line that was scanned. */
void scan_members(const struct scan_line *line, char room[SCAN_ROOM],
    const struct scan_member *members);
/* false = not of the form {"d":"…64…","h":"…64…"}, which stands for a record in an
 * export; d and hash take its digits. */
bool scan_digest(const char *text, size_t size, char d[SCAN_HASH_SIZE + 1],
    char hash[SCAN_HASH_SIZE + 1]);

/* The pairs of an erase's list, one a call: 1 = a pair, 0 = the end, -1 = it is
 * no list of pairs.  *at begins as line->records. */
int scan_pair(const char **at, int64_t *from, int64_t *to);

/* Does what follows a file's last LF end as a record does, with another byte in the
 * place of its LF? */
bool scan_tail_changed(int fd);

#endif
