-- Queue an image of a dead worker again. ARGV: id, number, worker, maximum attempts, problem.
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
redis.call('ZADD', QUEUED, 0, id .. '/' .. number)
