-- forgets cells that Postgres has for good, and that an experiment is ahead of it
-- KEYS: counted, counts   ARGV: tenant:experiment, revision, field and value as read...
if redis.call('HGET', KEYS[2], 'n') == ARGV[2] then
  redis.call('SREM', KEYS[1], ARGV[1])
end
for i = 3, #ARGV, 2 do
  if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[i + 1] then
    redis.call('HDEL', KEYS[2], ARGV[i])
  end
end
return 1
