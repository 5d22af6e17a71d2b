-- List jobs of an owner, the newest first. ARGV: owner, count, then creation time and id of the last
-- job before them.
local owned, count, created, last = P .. 'jobs:' .. ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local found, start = {}, 0
while #found < count do
    local ids = redis.call('ZREVRANGEBYSCORE', owned, created, '-inf', 'WITHSCORES',
        'LIMIT', start, count)
    for at = 1, #ids, 2 do
        local is_after = created == '+inf' or tonumber(ids[at + 1]) < tonumber(created)
            or ids[at] < last
        if is_after and #found < count then
            found[#found + 1] = ids[at]
        end
    end
    if #ids == 0 then
        break
    end
    start = start + count
end
return found
