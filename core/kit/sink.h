/* SPDX-License-Identifier: BSD-2-Clause */
/* sink.h: records for sinks, and the calls on them. */
#ifndef KIT_SINK_H
#define KIT_SINK_H

#include "base/bytes.h"
#include "kit/kit.h"

#define KIT_FIELDS_MAX 24
#define KIT_RECORDS_MAX 8		/* of one case */

/* What of a record a case minds; the rest is the same in all.  NULL: it has none.  The
 * texts are not copied. */
struct kit_facts {
	uint64_t seq;
	const char *agency, *resource, *email, *agent;
	int64_t ago_ms;			/* it was made so long ago */
	bool bare;			/* a record of the type close: without most fields */
	bool erased;			/* its personal part was */
};

/* A record as a follower hands it on.  Its line points into it. */
struct kit_record {
	struct mortise_line line;
	struct mortise_pair fields[KIT_FIELDS_MAX];
	char number[24], ts[32], op[33], hash[65], actor[16], email[64];
	struct buffer bytes;
};

/* A trail of the case's own, and some records of it. */
struct kit_trail {
	char id[33];
	struct kit_record records[KIT_RECORDS_MAX];
	struct mortise_line lines[KIT_RECORDS_MAX];
	size_t count;
};
/* Must be freed; NULL after a failure. */
struct kit_trail *kit_trail_new(struct kit *);
void kit_trail_free(struct kit_trail **);	/* for _cleanup_ */
/* Adds a record. */
bool kit_trail_add(struct kit *, struct kit_trail *, const struct kit_facts *);
/* Records from `from` to `to`, with an email that has the number in it. */
bool kit_trail_fill(struct kit *, struct kit_trail *, uint64_t from, uint64_t to);

enum mortise_code kit_emit(struct kit *, const struct mortise_line *, size_t count,
    size_t *taken);
/* All are taken. */
bool kit_emits(struct kit *, const struct mortise_line *, size_t count, const char *what);
bool kit_flushes(struct kit *);
/* The trail's position is this. */
bool kit_stands_at(struct kit *, const char *trail, uint64_t seq, const char *when);

/* One of each, for the cases of limits.c: emit, flush and position, with this email. */
bool kit_sink_round(struct kit *, const char *email);
/* The same with so much time: whatever they answer, they are back. */
bool kit_sink_hurries(struct kit *, uint64_t deadline_ms);

#endif
