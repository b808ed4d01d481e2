/* SPDX-License-Identifier: BSD-2-Clause */
/* operations.h: the slots of struct mortise_state_ops; the instance is a store. */
#ifndef MEMORY_OPERATIONS_H
#define MEMORY_OPERATIONS_H

#include <mortise/plugin.h>

struct record;

/* One record as the host takes it; now is of store_enter. */
struct mortise_record record_view(const struct record *, uint64_t now);

enum mortise_code memory_get(void *instance, struct mortise_call *, const char *key,
    struct mortise_out *);
enum mortise_code memory_take(void *instance, struct mortise_call *, const char *key,
    struct mortise_out *);
enum mortise_code memory_put(void *instance, struct mortise_call *, const char *key,
    const struct mortise_state_put *, struct mortise_version *made);
enum mortise_code memory_remove(void *instance, struct mortise_call *, const char *key,
    const struct mortise_version *only_if);
enum mortise_code memory_list(void *instance, struct mortise_call *, const char *prefix,
    const char *cursor, struct mortise_out *);
enum mortise_code memory_claim(void *instance, struct mortise_call *, const char *index,
    int64_t now_ms, size_t max, const char *owner, int64_t lease_ms, struct mortise_out *);
enum mortise_code memory_extend(void *instance, struct mortise_call *,
    const struct mortise_lease *);
enum mortise_code memory_release(void *instance, struct mortise_call *,
    const struct mortise_lease *);

#endif
