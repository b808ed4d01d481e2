/* SPDX-License-Identifier: BSD-2-Clause */
/* route.h: which route, chain and backend serve a name.  operation's own, and
 * api's for explain. */
#ifndef OPERATION_ROUTE_H
#define OPERATION_ROUTE_H

#include "operation/operation.h"

/* The first that matches; NULL: none does. */
const struct config_route *route_find(const struct config_route *routes, size_t count,
    const char *name);

/* The route's part for an operation.  unsupported with the route's place where
 * it has none, or without where there is no route (NULL). */
enum mortise_code route_chain(const struct config_route *, enum chain_op,
    const struct chain **chain, struct mortise_error *);

/* The first backend that a chain asks. */
size_t route_first_backend(const struct chain *);
bool route_has_backend(const struct chain *, size_t target);

/*
 * Where a version, describe and history go: the backend of "BACKEND:VERSION",
 * else the first of the put chain, of the get chain where put is none.
 * *bare points behind the colon; version NULL: no version.
 */
enum mortise_code route_one(const struct config *, const char *name, const char *version,
    size_t *target, const char **bare, struct mortise_error *);

#endif
