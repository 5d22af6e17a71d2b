-- List queued images that need a message. ARGV: 0 for those never sent, or the age in seconds of
-- messages to send again.
-- A time in the future was recorded before the clock was set back.
local ago = tonumber(ARGV[1])
local found, time = {}, now()
local function add(from, to)
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', QUEUED, from, to)) do
        local id, number = split(member)
        redis.call('ZADD', QUEUED, text(time), member)
        table.insert(found, {id, number, redis.call('HGET', job_key(id), 'size:' .. number)})
    end
end
if ago > 0 then
    add('(' .. text(time), '+inf')
    add('-inf', text(time - ago))
else
    add('-inf', 0)
end
return found
