-- Start an image. ARGV: id, number, message id, delivery id, maximum attempts, problem of an image
-- that has used them up.
-- A running image starts again only if the message that holds it is redelivered: its process died.
local id, number, message, delivery, attempts, problem = unpack(ARGV)
local job = job_key(id)
local state = redis.call('HGET', job, 'state:' .. number)
if state ~= 'queued' and not is_held(id, number, message) then
    return {}
end
if state == 'queued' or redis.call('HGET', job, 'delivery:' .. number) ~= delivery then
    if tonumber(redis.call('HGET', job, 'attempts:' .. number) or 0) >= tonumber(attempts) then
        finish(id, number, '', problem)
        return {}
    end
    redis.call('HSET', job, 'state:' .. number, 'running', 'message:' .. number, message,
        'delivery:' .. number, delivery)
    redis.call('HINCRBY', job, 'attempts:' .. number, 1)
    redis.call('ZREM', QUEUED, id .. '/' .. number)
    redis.call('ZADD', RUNNING, text(now()), id .. '/' .. number)
end
return redis.call('HMGET', job, 'name:' .. number, 'request')
