-- Helpers that precede each script. KEYS[1] is the prefix of all keys.
local P = KEYS[1]
local QUEUED, RUNNING, COUNTS = P .. 'queued', P .. 'running', P .. 'counts'
local ENDED, EXPIRED, KEYS_USED = P .. 'ended', P .. 'expired', P .. 'idempotency_keys'
local WEBHOOKS = P .. 'webhooks'

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

-- Queue an image without a message, after all others without one: those have a score below zero.
local function queue(member)
    redis.call('ZADD', QUEUED, text(redis.call('INCR', P .. 'sequence') - 1e12), member)
end

local function delete(id)
    local job = job_key(id)
    local total = tonumber(redis.call('HGET', job, 'total') or 0)
    for number = 1, total do
        local state = redis.call('HGET', job, 'state:' .. number)
        redis.call('ZREM', QUEUED, id .. '/' .. number)
        redis.call('ZREM', RUNNING, id .. '/' .. number)
        if state == 'done' or state == 'failed' then
            redis.call('HINCRBY', COUNTS, state, -1)
        end
    end
    local key_used = redis.call('HGET', job, 'idempotency_key')
    if key_used then
        redis.call('HDEL', KEYS_USED, key_used)
    end
    redis.call('ZREM', ENDED, id)
    redis.call('ZREM', EXPIRED, id)
    redis.call('ZREM', WEBHOOKS, id)
    redis.call('ZREM', P .. 'jobs:' .. (redis.call('HGET', job, 'owner') or ''), id)
    redis.call('DEL', job)
end

local function is_held(id, number, message)
    local found = redis.call('HMGET', job_key(id), 'state:' .. number, 'message:' .. number)
    return found[1] == 'running' and found[2] == message
end

local function finish(id, number, result, problem)
    local job = job_key(id)
    local state = problem == '' and 'done' or 'failed'
    redis.call('HSET', job, 'state:' .. number, state)
    if problem == '' then
        redis.call('HSET', job, 'result:' .. number, result)
    else
        redis.call('HSET', job, 'problem:' .. number, problem)
    end
    redis.call('HDEL', job, 'message:' .. number)
    redis.call('ZREM', QUEUED, id .. '/' .. number)
    redis.call('ZREM', RUNNING, id .. '/' .. number)
    redis.call('HINCRBY', COUNTS, state, 1)
    if redis.call('HINCRBY', job, 'left', -1) == 0 then
        local ended = text(now())
        redis.call('HSET', job, 'ended', ended)
        redis.call('ZADD', ENDED, ended, id)
        if redis.call('HEXISTS', job, 'webhook_url') == 1 then
            redis.call('ZADD', WEBHOOKS, 0, id)
        end
    end
end
