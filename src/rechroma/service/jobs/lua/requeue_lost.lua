-- Queue running images again whose message must have been lost. ARGV: lease in seconds.
-- A start time in the future was recorded before the clock was set back.
local time = now()
local function requeue(from, to)
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', RUNNING, from, to)) do
        local id, number = split(member)
        redis.call('HSET', job_key(id), 'state:' .. number, 'queued')
        redis.call('HDEL', job_key(id), 'message:' .. number)
        redis.call('ZREM', RUNNING, member)
        queue(member)
    end
end
requeue('(' .. text(time), '+inf')
requeue('-inf', text(time - ARGV[1]))
