-- Store a job. ARGV: id, owner and idempotency key or "", capacity, owner, request, fingerprint,
-- webhook URL or "", then name and size of each image.
local id, key_used, capacity = ARGV[1], ARGV[2], tonumber(ARGV[3])
local job = job_key(id)
if redis.call('EXISTS', job) == 1 then
    return {id, 0}
end
local earlier = key_used ~= '' and redis.call('HGET', KEYS_USED, key_used)
if earlier then
    return {earlier, 0}
end
local total = (#ARGV - 7) / 2
local waiting = redis.call('ZCARD', QUEUED)
if waiting + total > capacity then
    return {'', waiting}
end
local created = text(now())
redis.call('HSET', job, 'owner', ARGV[4], 'request', ARGV[5], 'fingerprint', ARGV[6],
    'created', created, 'total', total, 'left', total)
redis.call('ZADD', P .. 'jobs:' .. ARGV[4], created, id)
if ARGV[7] ~= '' then
    redis.call('HSET', job, 'webhook_url', ARGV[7])
end
if key_used ~= '' then
    redis.call('HSET', job, 'idempotency_key', key_used)
    redis.call('HSET', KEYS_USED, key_used, id)
end
for number = 1, total do
    redis.call('HSET', job, 'state:' .. number, 'queued',
        'name:' .. number, ARGV[6 + 2 * number], 'size:' .. number, ARGV[7 + 2 * number])
    queue(id .. '/' .. number)
end
return {id, 0}
