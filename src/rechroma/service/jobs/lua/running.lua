-- List the running images: id, number, worker, seconds.
local found = {}
local time = now()
local running = redis.call('ZRANGE', RUNNING, 0, -1, 'WITHSCORES')
for place = 1, #running, 2 do
    local id, number = split(running[place])
    local worker = redis.call('HGET', job_key(id), 'worker:' .. number)
    table.insert(found, {id, number, worker, text(time - running[place + 1])})
end
return found
