/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checkpoint.h: signed anchors in the trail, for the files of this room that write it.
 * An epoch's last checkpoint, which closes it, names the public key of the next one;
 * then the private key of its own is destroyed.  So who takes over the host can sign
 * nothing of what was before.
 */
#ifndef AUDIT_CHECKPOINT_H
#define AUDIT_CHECKPOINT_H

#include <jansson.h>

#include "audit/keys.h"

struct trail;

struct checkpoint {
	uint64_t seq;			/* of its record; 0: there is none */
	int64_t time_us;
	uint64_t of, epoch;
	char hash[65], key[KEY_TEXT_SIZE];
	char next[KEY_TEXT_SIZE];	/* "": its epoch goes on */
	char signature[SIGNATURE_TEXT_SIZE];
};

/* All but seq, from the members that a record and the head have; false: it has not
 * their form. */
bool checkpoint_parse(const json_t *, struct checkpoint *);

/* Is it time for one behind the trail's end? */
bool checkpoint_due(const struct trail *);
/* Leader: signs the trail's last record, and adds that to its file, unsynced; ok
 * where the last record is a checkpoint that is no older than a beat.  Where the key is lost nothing is added,
 * and trail->key_lost is set. */
enum mortise_code checkpoint_add(struct trail *, struct mortise_error *);
/* Leader, after a sync: destroys the key of an epoch that is over; where the key is
 * lost, begins a segment that says so, with a checkpoint under a new one. */
enum mortise_code checkpoint_settle(struct trail *, struct mortise_error *);
/* No key of this trail, or of one that was here, is to be used any more. */
void checkpoint_forget_keys(const struct trail *);

#endif
