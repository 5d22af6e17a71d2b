"""What Redis does with the table of jobs, each in one step; see :mod:`.redis` for its keys.

All may be sent twice, as happens where an answer was lost: the second time changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMON = """
local P = KEYS[1]
local WAITING, RUNNING, COUNTS = P .. 'waiting', P .. 'running', P .. 'counts'
local ENDED, EXPIRED, REPEATS = P .. 'ended', P .. 'expired', P .. 'repeats'
local CALLBACKS = P .. 'callbacks'

local function now()
    local time = redis.call('TIME')
    return time[1] + time[2] / 1e6
end
local function text(number)
    return string.format('%.6f', number)
end
local function job_key(id)
    return P .. 'job:' .. id
end
local function split(member)
    return string.match(member, '^(.*)/(%d+)$')
end

local function forget(id)
    local job = job_key(id)
    local total = tonumber(redis.call('HGET', job, 'total') or 0)
    for number = 1, total do
        local state = redis.call('HGET', job, 'state:' .. number)
        redis.call('ZREM', WAITING, id .. '/' .. number)
        redis.call('ZREM', RUNNING, id .. '/' .. number)
        if state == 'done' or state == 'failed' then
            redis.call('HINCRBY', COUNTS, state, -1)
        end
    end
    local repeated = redis.call('HGET', job, 'repeat')
    if repeated then
        redis.call('HDEL', REPEATS, repeated)
    end
    redis.call('ZREM', ENDED, id)
    redis.call('ZREM', EXPIRED, id)
    redis.call('ZREM', CALLBACKS, id)
    redis.call('DEL', job)
end

local function is_held(id, number, worker)
    local found = redis.call('HMGET', job_key(id), 'state:' .. number, 'worker:' .. number)
    return found[1] == 'running' and found[2] == worker
end

local function finish(id, number, made, problem)
    local job = job_key(id)
    local state = problem == '' and 'done' or 'failed'
    redis.call('HSET', job, 'state:' .. number, state)
    if problem == '' then
        redis.call('HSET', job, 'made:' .. number, made)
    else
        redis.call('HSET', job, 'problem:' .. number, problem)
    end
    redis.call('HDEL', job, 'worker:' .. number)
    redis.call('ZREM', RUNNING, id .. '/' .. number)
    redis.call('HINCRBY', COUNTS, state, 1)
    if redis.call('HINCRBY', job, 'left', -1) == 0 then
        local ended = text(now())
        redis.call('HSET', job, 'ended', ended)
        redis.call('ZADD', ENDED, ended, id)
        if redis.call('HEXISTS', job, 'callback') == 1 then
            redis.call('ZADD', CALLBACKS, 0, id)
        end
    end
end
"""

_ADD = """
local id, repeated, capacity = ARGV[1], ARGV[2], tonumber(ARGV[3])
local job = job_key(id)
if redis.call('EXISTS', job) == 1 then
    return {id, 0}
end
local earlier = repeated ~= '' and redis.call('HGET', REPEATS, repeated)
if earlier then
    return {earlier, 0}
end
local total = (#ARGV - 7) / 2
local waiting = redis.call('ZCARD', WAITING)
if waiting + total > capacity then
    return {'', waiting}
end
redis.call('HSET', job, 'owner', ARGV[4], 'order', ARGV[5], 'fingerprint', ARGV[6],
    'created', text(now()), 'total', total, 'left', total)
if ARGV[7] ~= '' then
    redis.call('HSET', job, 'callback', ARGV[7])
end
if repeated ~= '' then
    redis.call('HSET', job, 'repeat', repeated)
    redis.call('HSET', REPEATS, repeated, id)
end
for number = 1, total do
    redis.call('HSET', job, 'state:' .. number, 'queued',
        'name:' .. number, ARGV[6 + 2 * number], 'size:' .. number, ARGV[7 + 2 * number])
    redis.call('ZADD', WAITING, 0, id .. '/' .. number)
end
return {id, 0}
"""

_REMOVE = """
forget(ARGV[1])
"""

_BEGIN = """
local id, number, worker = ARGV[1], ARGV[2], ARGV[3]
local job = job_key(id)
if redis.call('HGET', job, 'state:' .. number) == 'queued' then
    redis.call('HSET', job, 'state:' .. number, 'running', 'worker:' .. number, worker)
    redis.call('HINCRBY', job, 'attempts:' .. number, 1)
    redis.call('ZREM', WAITING, id .. '/' .. number)
    redis.call('ZADD', RUNNING, text(now()), id .. '/' .. number)
elseif not is_held(id, number, worker) then
    return {}
end
return redis.call('HMGET', job, 'name:' .. number, 'order')
"""

_FINISH = """
local id, number, worker = ARGV[1], ARGV[2], ARGV[3]
if not is_held(id, number, worker) then
    return 0
end
finish(id, number, ARGV[4], ARGV[5])
return 1
"""

_HELD = """
local found = {}
local time = now()
local running = redis.call('ZRANGE', RUNNING, 0, -1, 'WITHSCORES')
for place = 1, #running, 2 do
    local id, number = split(running[place])
    local worker = redis.call('HGET', job_key(id), 'worker:' .. number)
    table.insert(found, {id, number, worker, text(time - running[place + 1])})
end
return found
"""

_TAKE_BACK = """
local id, number, worker, attempts, problem = unpack(ARGV)
if not is_held(id, number, worker) then
    return
end
local job = job_key(id)
if tonumber(redis.call('HGET', job, 'attempts:' .. number)) >= tonumber(attempts) then
    finish(id, number, '', problem)
    return
end
redis.call('HSET', job, 'state:' .. number, 'queued')
redis.call('HDEL', job, 'worker:' .. number)
redis.call('ZREM', RUNNING, id .. '/' .. number)
redis.call('ZADD', WAITING, 0, id .. '/' .. number)
"""

# A time in the future is one that was written down before the clock was put back.
_DUE = """
local ago = tonumber(ARGV[1])
local found, time = {}, now()
local function add(from, to)
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', WAITING, from, to)) do
        local id, number = split(member)
        redis.call('ZADD', WAITING, text(time), member)
        table.insert(found, {id, number, redis.call('HGET', job_key(id), 'size:' .. number)})
    end
end
if ago > 0 then
    add('(' .. text(time), '+inf')
    add('-inf', text(time - ago))
else
    add(0, 0)
end
return found
"""

_EXPIRE = """
local before = '(' .. text(now() - tonumber(ARGV[1]))
local ids = redis.call('ZRANGEBYSCORE', ENDED, '-inf', before, 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
    local job = job_key(id)
    redis.call('ZREM', ENDED, id)
    redis.call('ZADD', EXPIRED, redis.call('HGET', job, 'ended'), id)
    redis.call('HSET', job, 'expired', 1)
    -- What people call their pictures goes with the pictures; problems say it, too.
    for number = 1, tonumber(redis.call('HGET', job, 'total')) do
        redis.call('HSET', job, 'name:' .. number, '')
        redis.call('HDEL', job, 'problem:' .. number)
    end
end
return ids
"""

_FORGET = """
local before = '(' .. text(now() - 2 * tonumber(ARGV[1]))
local ids = redis.call('ZRANGEBYSCORE', EXPIRED, '-inf', before, 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
    forget(id)
end
return ids
"""

_TAKE_CALLBACK = """
local time = now()
local id = redis.call('ZRANGEBYSCORE', CALLBACKS, '-inf', text(time), 'LIMIT', 0, 1)[1]
if not id then
    return {}
end
redis.call('ZADD', CALLBACKS, text(time + ARGV[1]), id)
local job = job_key(id)
return {id, redis.call('HGET', job, 'callback'), redis.call('HINCRBY', job, 'calls', 1)}
"""

_PUT_OFF_CALLBACK = """
local id, seconds = ARGV[1], ARGV[2]
if seconds == '' then
    redis.call('ZREM', CALLBACKS, id)
elseif redis.call('ZSCORE', CALLBACKS, id) then
    redis.call('ZADD', CALLBACKS, text(now() + seconds), id)
end
"""

SCRIPTS: Mapping[str, str] = {
    "add": _COMMON + _ADD,
    "remove": _COMMON + _REMOVE,
    "begin": _COMMON + _BEGIN,
    "finish": _COMMON + _FINISH,
    "held": _COMMON + _HELD,
    "requeue_dead": _COMMON + _TAKE_BACK,
    "due": _COMMON + _DUE,
    "expire": _COMMON + _EXPIRE,
    "forget": _COMMON + _FORGET,
    "lease_webhook": _COMMON + _TAKE_CALLBACK,
    "reschedule_webhook": _COMMON + _PUT_OFF_CALLBACK,
}
"""Lua by name. The only key is the prefix of all; the arguments are as the store gives them."""
