-- Assign a queued image to a worker. ARGV: id, number, worker.
local id, number, worker = ARGV[1], ARGV[2], ARGV[3]
local job = job_key(id)
if redis.call('HGET', job, 'state:' .. number) == 'queued' then
    redis.call('HSET', job, 'state:' .. number, 'running', 'worker:' .. number, worker)
    redis.call('HINCRBY', job, 'attempts:' .. number, 1)
    redis.call('ZREM', QUEUED, id .. '/' .. number)
    redis.call('ZADD', RUNNING, text(now()), id .. '/' .. number)
elseif not is_held(id, number, worker) then
    return {}
end
return redis.call('HMGET', job, 'name:' .. number, 'request')
