-- Start an image. ARGV: id, number, message id, "1" if the message is redelivered, maximum
-- attempts, problem of an image that has used them up.
-- A running image starts again only by redelivery of the message that holds it: the process died.
local id, number, message, redelivered, attempts, problem = unpack(ARGV)
local job = job_key(id)
local state = redis.call('HGET', job, 'state:' .. number)
local held = is_held(id, number, message)
if state ~= 'queued' and not held then
    return {}
end
if state == 'queued' or redelivered == '1' then
    if tonumber(redis.call('HGET', job, 'attempts:' .. number) or 0) >= tonumber(attempts) then
        finish(id, number, '', problem)
        return {}
    end
    redis.call('HSET', job, 'state:' .. number, 'running', 'message:' .. number, message)
    redis.call('HINCRBY', job, 'attempts:' .. number, 1)
    redis.call('ZREM', QUEUED, id .. '/' .. number)
    redis.call('ZADD', RUNNING, text(now()), id .. '/' .. number)
end
return redis.call('HMGET', job, 'name:' .. number, 'request')
