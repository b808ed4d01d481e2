/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of cases, in the order in which they are tried. */
#include "kit/kit.h"

#define SECRET(name) MORTISE_CAN_SECRET_##name
#define STATE(name) MORTISE_CAN_STATE_##name
#define SINK(name) MORTISE_CAN_SINK_##name
#define PUT_GET (SECRET(PUT) | SECRET(GET))
#define STATE_PUT_GET (STATE(PUT) | STATE(GET))
#define LEASED (STATE_PUT_GET | STATE(CLAIM))

const struct kit_case kit_cases[] = {
	{"plugin/options", "descriptor and options have words; unknown ones are refused", 0, 0,
	    case_options},
	{"plugin/check", "check says that it is there", 0, 0, case_check},
	{"plugin/instances", "a second instance works, and the first one lives on", 0, 0,
	    case_instances},
	{"plugin/other-kinds", "nothing is offered that has no case", 0, 0, case_untested},

	{"secret/missing", "what is not there is not_found", SECRET(GET), 0, case_missing},
	{"secret/text", "text comes back byte for byte", PUT_GET, KIT_WRITES, case_text},
	{"secret/binary", "so do bytes of every kind, or they are refused", PUT_GET, KIT_WRITES,
	    case_binary},
	{"secret/sizes", "0 to 65536 bytes are kept whole, or refused", PUT_GET, KIT_WRITES,
	    case_sizes},
	{"secret/names", "names are kept apart, or refused", PUT_GET, KIT_WRITES, case_names},
	{"secret/replace", "get gives the newest value", PUT_GET, KIT_WRITES, case_replace},
	{"secret/delete", "delete takes all of a name, and nothing else",
	    PUT_GET | SECRET(DELETE), KIT_WRITES, case_delete},
	{"secret/versions", "a version gives its own value, or is not there", PUT_GET, KIT_WRITES,
	    case_versions},
	{"secret/receipt", "what a put's receipt says is so", PUT_GET, KIT_WRITES, case_receipt},
	{"secret/if-absent", "a put if absent overwrites nothing", PUT_GET, KIT_WRITES,
	    case_if_absent},
	{"secret/if-version", "a put on a version overwrites no other", PUT_GET, KIT_WRITES,
	    case_if_version},
	{"secret/labels", "labels stay until others come", PUT_GET | SECRET(DESCRIBE), KIT_WRITES,
	    case_labels},
	{"secret/list", "list gives each name of a prefix once", PUT_GET | SECRET(LIST), KIT_WRITES,
	    case_list},
	{"secret/list-pages", "so it does for more than a page", PUT_GET | SECRET(LIST), KIT_WRITES,
	    case_list_pages},
	{"secret/describe", "describe has the versions, newest first", PUT_GET | SECRET(DESCRIBE),
	    KIT_WRITES, case_describe},
	{"secret/undo", "undo brings back what was before", PUT_GET | SECRET(UNDO), KIT_WRITES,
	    case_undo},
	{"secret/undo-superseded", "undo leaves what was written since", PUT_GET | SECRET(UNDO),
	    KIT_WRITES, case_undo_superseded},
	{"secret/undo-unknown", "undo finds a put whose answer was lost", PUT_GET | SECRET(UNDO),
	    KIT_WRITES, case_undo_unknown},

	{"state/missing", "a record that is not there is not_found", STATE(GET), 0,
	    case_state_missing},
	{"state/values", "records come back byte for byte", STATE_PUT_GET, KIT_WRITES, case_state},
	{"state/take", "take gives a record once", STATE_PUT_GET | STATE(TAKE), KIT_WRITES,
	    case_state_take},
	{"state/race", "of many takers exactly one gets it", STATE(PUT) | STATE(TAKE), KIT_WRITES,
	    case_state_race},
	{"state/if-absent", "a put if absent overwrites nothing", STATE_PUT_GET, KIT_WRITES,
	    case_state_if_absent},
	{"state/if-version", "conditions on a version hold", STATE_PUT_GET, KIT_WRITES,
	    case_state_if_version},
	{"state/expiry", "a record ends with its time, not before", STATE_PUT_GET, KIT_WRITES,
	    case_state_expiry},
	{"state/list", "list gives each record of a prefix once", STATE_PUT_GET | STATE(LIST),
	    KIT_WRITES, case_state_list},
	{"lease/claim", "claim gives what is due and free, earliest first", LEASED, KIT_WRITES,
	    case_claim},
	{"lease/index", "a record is in the index of its last put", LEASED, KIT_WRITES,
	    case_claim_index},
	{"lease/owner", "extend and release are the owner's", LEASED | STATE(EXTEND) |
	    STATE(RELEASE), KIT_WRITES, case_lease},
	{"lease/over", "a lease ends with its time, and its owner is told", LEASED | STATE(EXTEND) |
	    STATE(RELEASE), KIT_WRITES, case_lease_over},
	{"lease/put", "a put ends a lease", LEASED | STATE(EXTEND), KIT_WRITES, case_lease_put},

	{"sink/unknown", "a trail that never came is at 0", SINK(POSITION), 0, case_sink_unknown},
	{"sink/repeat", "records that come again change nothing", SINK(EMIT), KIT_WRITES,
	    case_sink_repeat},
	{"sink/position", "position is the last record that was flushed", SINK(EMIT) |
	    SINK(POSITION), KIT_WRITES, case_sink_position},
	{"sink/trails", "each trail has a position of its own", SINK(EMIT) | SINK(POSITION),
	    KIT_WRITES, case_sink_trails},
	{"sink/odd", "odd records are kept as they are, or refused one by one", SINK(EMIT),
	    KIT_WRITES, case_sink_odd},
	{"sink/conflict", "another record under a number is an alarm", SINK(EMIT), KIT_WRITES,
	    case_sink_conflict},
	{"sink/read", "read gives records as they came, in order", SINK(EMIT) | SINK(READ),
	    KIT_WRITES, case_sink_read},
	{"sink/filter", "read gives those that the filter fits", SINK(EMIT) | SINK(READ),
	    KIT_WRITES, case_sink_filter},
	{"sink/erase", "erase takes the personal parts of its records alone", SINK(EMIT) |
	    SINK(ERASE), KIT_WRITES, case_sink_erase},

	{"limits/deadline", "a call is back by its deadline", 0, 0, case_deadline},
	{"limits/threads", "calls of several threads do not mix", 0, 0, case_threads},
	{"limits/descriptors", "no descriptor is left open, or passed on", 0, 0, case_descriptors},
	{"limits/memory", "no memory is left allocated", 0, 0, case_memory},
	{"limits/silence", "no line and no message has a value in it", 0, 0, case_silence},
	{"limits/manners", "the process is as it was", 0, 0, case_manners},
};
const size_t kit_cases_count = ARRAY_SIZE(kit_cases);
