-- Expire results. ARGV: retention time, batch size.
local before = '(' .. text(now() - tonumber(ARGV[1]))
local ids = redis.call('ZRANGEBYSCORE', ENDED, '-inf', before, 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
    local job = job_key(id)
    redis.call('ZREM', ENDED, id)
    redis.call('ZADD', EXPIRED, redis.call('HGET', job, 'ended'), id)
    redis.call('HSET', job, 'expired', 1)
    -- The names of images are personal data, and problems repeat them.
    for number = 1, tonumber(redis.call('HGET', job, 'total')) do
        redis.call('HSET', job, 'name:' .. number, '')
        redis.call('HDEL', job, 'problem:' .. number)
    end
end
return ids
