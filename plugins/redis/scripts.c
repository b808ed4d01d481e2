/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What runs in the server, each in one step.  Keys and arguments are said above each; what
 * does nothing answers nil, an empty array, or a number that is not above 0.
 *
 * Of a record: KEYS[1] is its key, KEYS[2] its side key; ARGV[1] is what an index's key
 * begins with, ARGV[2] the key without prefix.  Where the server has no memory left, the
 * first command that needs some fails before anything has changed.
 */
#include "redis.h"

/* The record's index, or false; it leaves that, and has no side key any more. */
#define INDEX \
	"local index = redis.call('HGET', KEYS[2], 'index')\n"
#define LEAVE \
	"if index then\n" \
	"  redis.call('ZREM', ARGV[1] .. index, ARGV[2])\n" \
	"  redis.call('DEL', KEYS[2])\n" \
	"end\n"
/* The server's clock in microseconds, and in milliseconds. */
#define CLOCK \
	"local time = redis.call('TIME')\n" \
	"local us = time[1] * 1000000 + time[2]\n" \
	"local now = math.floor(us / 1000)\n" \
	"local function whole(n) return string.format('%.0f', n) end\n"

const char *const redis_scripts[SCRIPTS] = {
	/* KEYS[1]: a key that is never there.  Changes nothing, and needs the rights to. */
	[SCRIPT_CHECK] =
	"redis.call('GET', KEYS[1])\n"
	"return redis.call('DEL', KEYS[1])\n",

	/* KEYS: the index, the fence.  ARGV: the prefixes of records and of side keys, the
	 * index's name, due_ms at most, how many at most, owner, lease_ms, and how many bytes at
	 * most.  key, value, PTTL and fence of each that is leased now.  What the index has of
	 * records that are gone, or in another one, leaves it. */
	[SCRIPT_CLAIM] =
	CLOCK
	"local last = tonumber(redis.call('HGET', KEYS[2], 'last') or 0)\n"
	"local most, bytes = tonumber(ARGV[5]), tonumber(ARGV[8])\n"
	"local out, kept, claimed, batch = {}, 0, 0\n"
	"repeat\n"
	"  batch = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[4], 'LIMIT', kept, 100)\n"
	"  for _, key in ipairs(batch) do\n"
	"    if claimed >= most or bytes <= 0 then return out end\n"
	"    local record, side = ARGV[1] .. key, ARGV[2] .. key\n"
	"    local value = redis.pcall('GET', record)\n"
	"    local told = redis.call('HMGET', side, 'index', 'ends')\n"
	"    if type(value) ~= 'string' or told[1] ~= ARGV[3] then\n"
	"      redis.call('ZREM', KEYS[1], key)\n"
	"    else\n"
	"      kept = kept + 1\n"
	"      if not told[2] or tonumber(told[2]) <= now then\n"
	"        last = math.max(last + 1, us)\n"
	"        redis.call('HSET', KEYS[2], 'last', whole(last))\n"
	"        redis.call('HSET', side, 'owner', ARGV[6], 'fence', whole(last),\n"
	"          'ends', whole(now + ARGV[7]))\n"
	"        claimed = claimed + 1\n"
	"        bytes = bytes - #value\n"
	"        out[#out + 1] = key\n"
	"        out[#out + 1] = value\n"
	"        out[#out + 1] = redis.call('PTTL', record)\n"
	"        out[#out + 1] = whole(last)\n"
	"      end\n"
	"    end\n"
	"  end\n"
	"until #batch == 0\n"
	"return out\n",

	/* KEYS: the record's.  ARGV: owner, fence, lease_ms or, to release it, ''.  1 or 0. */
	[SCRIPT_LEASE] =
	CLOCK
	"local told = redis.call('HMGET', KEYS[2], 'owner', 'fence', 'ends')\n"
	"if redis.call('EXISTS', KEYS[1]) == 0 or told[1] ~= ARGV[1] or told[2] ~= ARGV[2] or\n"
	"    tonumber(told[3]) <= now then return 0 end\n"
	"if ARGV[3] == '' then\n"
	"  redis.call('HDEL', KEYS[2], 'owner', 'fence', 'ends')\n"
	"else\n"
	"  redis.call('HSET', KEYS[2], 'ends', whole(now + ARGV[3]))\n"
	"end\n"
	"return 1\n",

	/* Of a record, then: value, PX or 0, a condition (any, absent, same), a version, and,
	 * where it is in an index, that and due_ms.  1 or 0.  STRLEN is asked for its error,
	 * where the key holds no string: SET would replace that. */
	[SCRIPT_PUT] =
	"if ARGV[5] == 'same' then\n"
	"  local old = redis.call('GET', KEYS[1])\n"
	"  if not old or redis.sha1hex(old) ~= ARGV[6] then return 0 end\n"
	"elseif ARGV[5] == 'any' then\n"
	"  redis.call('STRLEN', KEYS[1])\n"
	"end\n"
	"local set = {'SET', KEYS[1], ARGV[3]}\n"
	"if ARGV[4] ~= '0' then set[4], set[5] = 'PX', ARGV[4] end\n"
	"if ARGV[5] == 'absent' then set[#set + 1] = 'NX' end\n"
	"if not redis.call(unpack(set)) then return 0 end\n"
	INDEX
	LEAVE
	"if ARGV[7] then\n"
	"  redis.call('HSET', KEYS[2], 'index', ARGV[7])\n"
	"  if ARGV[4] ~= '0' then redis.call('PEXPIRE', KEYS[2], ARGV[4]) end\n"
	"  redis.call('ZADD', ARGV[1] .. ARGV[7], ARGV[8], ARGV[2])\n"
	"end\n"
	"return 1\n",

	/* KEYS: records.  ARGV[1]: how many bytes one may have.  Value and PTTL of each; -2: it
	 * is not there, -3: no string, -4: too large. */
	[SCRIPT_READ] =
	"local out = {}\n"
	"for _, key in ipairs(KEYS) do\n"
	"  local size = redis.pcall('STRLEN', key)\n"
	"  local value, ttl = '', -3\n"
	"  if type(size) == 'number' then\n"
	"    ttl = -4\n"
	"    if size <= tonumber(ARGV[1]) then\n"
	"      value, ttl = redis.call('GET', key) or '', redis.call('PTTL', key)\n"
	"    end\n"
	"  end\n"
	"  out[#out + 1] = value\n"
	"  out[#out + 1] = ttl\n"
	"end\n"
	"return out\n",

	/* Of a record, then: '' or the version that it must have.  1; 0: not there; -1: it has
	 * another one. */
	[SCRIPT_REMOVE] =
	"if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end\n"
	"redis.call('STRLEN', KEYS[1])\n"
	"if ARGV[3] ~= '' and redis.sha1hex(redis.call('GET', KEYS[1])) ~= ARGV[3] then\n"
	"  return -1\n"
	"end\n"
	INDEX
	LEAVE
	"redis.call('DEL', KEYS[1])\n"
	"return 1\n",

	/* Of a record, then how many bytes it may have.  Its value, PTTL, index and due_ms, or ''
	 * and ''; nil: not there; -4: too large. */
	[SCRIPT_TAKE] =
	"local value = redis.call('GET', KEYS[1])\n"
	"if not value then return false end\n"
	"if #value > tonumber(ARGV[3]) then return -4 end\n"
	"local ttl = redis.call('PTTL', KEYS[1])\n"
	INDEX
	"local due = index and redis.call('ZSCORE', ARGV[1] .. index, ARGV[2])\n"
	LEAVE
	"redis.call('DEL', KEYS[1])\n"
	"return {value, ttl, index or '', due or ''}\n",
};
