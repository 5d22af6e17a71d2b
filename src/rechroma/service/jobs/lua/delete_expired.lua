-- Delete jobs that expired long ago. ARGV: retention time, batch size.
local before = '(' .. text(now() - 2 * tonumber(ARGV[1]))
local ids = redis.call('ZRANGEBYSCORE', EXPIRED, '-inf', before, 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
    delete(id)
end
return ids
