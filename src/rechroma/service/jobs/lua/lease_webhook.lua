-- Take on a webhook that is due. ARGV: seconds of the lease.
local time = now()
local id = redis.call('ZRANGEBYSCORE', WEBHOOKS, '-inf', text(time), 'LIMIT', 0, 1)[1]
if not id then
    return {}
end
redis.call('ZADD', WEBHOOKS, text(time + ARGV[1]), id)
local job = job_key(id)
return {id, redis.call('HGET', job, 'webhook_url'), redis.call('HINCRBY', job, 'deliveries', 1)}
