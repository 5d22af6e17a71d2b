-- Make a webhook due later, or drop it. ARGV: id, seconds or "".
local id, seconds = ARGV[1], ARGV[2]
if seconds == '' then
    redis.call('ZREM', WEBHOOKS, id)
elseif redis.call('ZSCORE', WEBHOOKS, id) then
    redis.call('ZADD', WEBHOOKS, text(now() + seconds), id)
end
