#!/usr/bin/env ruby
# client_ruby.rb -- Quorum as a user of ruby-redis sees it.
#
#     client_ruby.rb PORT
#
# Works through the node on this port, best a follower. The last line is "N passed, N failed".
# frozen_string_literal: true

require 'redis'

$passed = 0
$failed = 0

# One check: an answer is exactly as expected.
def equal(what, answer, expected)
  if answer == expected
    $passed += 1
  else
    $failed += 1
    puts "  FAILED: #{what}\n    answered #{answer.inspect}\n    expected #{expected.inspect}"
  end
end

def connect
  Redis.new(host: '127.0.0.1', port: ARGV[0].to_i, timeout: 10)
end

def strings(client)
  every_byte = (0..255).map(&:chr).join.b
  equal('SET', client.set('rb:bytes', every_byte), 'OK')
  equal('GET', client.get('rb:bytes').b, every_byte)
  equal('GET of no key', client.get('rb:none'), nil)
  equal('SET NX EX', client.set('rb:ttl', 'x', nx: true, ex: 1000), true)
  equal('TTL', client.ttl('rb:ttl').between?(990, 1000), true)
  equal('SET NX of a key', client.set('rb:ttl', 'y', nx: true), false)
  equal('INCRBY', client.incrby('rb:n', 41), 41)
  equal('INCRBYFLOAT', client.incrbyfloat('rb:f', 0.5), 0.5)
  equal('MSET', client.mapped_mset('rb:a' => '1', 'rb:b' => '2'), 'OK')
  equal('MGET', client.mget('rb:a', 'rb:none', 'rb:b'), ['1', nil, '2'])
  equal('COPY', client.copy('rb:a', 'rb:c'), true)
  error = begin
    client.incr('rb:bytes')
  rescue Redis::CommandError => e
    e.message
  end
  equal('an error', error, 'ERR value is not an integer or out of range')
end

def containers(client)
  equal('HSET', client.hset('rb:hash', 'a', '1', 'b', '2'), 2)
  equal('HGETALL', client.hgetall('rb:hash'), { 'a' => '1', 'b' => '2' })
  equal('HINCRBYFLOAT', client.hincrbyfloat('rb:hash', 'a', 1.5), 2.5)
  equal('RPUSH', client.rpush('rb:list', %w[a b c]), 3)
  equal('LMOVE', client.lmove('rb:list', 'rb:list', 'LEFT', 'RIGHT'), 'a')
  equal('LRANGE', client.lrange('rb:list', 0, -1), %w[b c a])
  equal('BLPOP', client.blpop('rb:none', 'rb:list', timeout: 5), %w[rb:list b])
  equal('BLPOP of nothing', client.blpop('rb:none', timeout: 0.1), nil)
  equal('SADD', client.sadd('rb:set', %w[a b c]), 3)
  equal('SMEMBERS', client.smembers('rb:set').sort, %w[a b c])
  equal('SRANDMEMBER', (client.srandmember('rb:set', 2) - %w[a b c]), [])
  equal('ZADD', client.zadd('rb:zset', [[1.5, 'a'], [2, 'b'], [Float::INFINITY, 'c']]), 3)
  equal('ZRANGE', client.zrange('rb:zset', 0, -1, with_scores: true),
        [['a', 1.5], ['b', 2.0], ['c', Float::INFINITY]])
  equal('ZPOPMIN', client.zpopmin('rb:zset'), ['a', 1.5])
  equal('GEOADD', client.geoadd('rb:geo', 13.361389, 38.115556, 'Palermo'), 1)
  equal('GEOHASH', client.geohash('rb:geo', 'Palermo'), ['sqc8b49rny0'])
  equal('PFADD', client.pfadd('rb:hll', %w[a b]), true)
  equal('SORT', client.sort('rb:set', order: 'DESC ALPHA'), %w[c b a])
end

def transactions(client, other)
  answers = client.multi do |multi|
    multi.set('rb:multi', '1')
    multi.incr('rb:multi')
    multi.get('rb:multi')
  end
  equal('MULTI', answers, ['OK', 2, '2'])
  answers = client.watch('rb:multi') do
    other.set('rb:multi', '5')
    client.multi { |multi| multi.set('rb:multi', '6') }
  end
  equal('WATCH', answers, nil)
  equal('what the other has set stays', client.get('rb:multi'), '5')
  equal('a pipeline', client.pipelined { |pipe| pipe.incr('rb:multi'); pipe.hgetall('rb:none') }, [6, {}])
end

def scanning(client)
  client.sadd('rb:members', (1..300).map { |i| "m#{i}" })
  equal('SSCAN finds every member', client.sscan_each('rb:members', count: 20).to_a.uniq.size, 300)
  keys = client.scan_each(match: 'rb:*', count: 50).to_a.uniq
  equal('SCAN finds what KEYS does', keys.sort, client.keys('rb:*').sort)
  equal('all is removed at the end', client.del(*keys), keys.size)
end

client = connect
strings(client)
containers(client)
transactions(client, connect)
scanning(client)
puts "  ruby-redis #{Redis::VERSION}"
puts "#{$passed} passed, #{$failed} failed"
exit($failed.zero? && $passed.positive? ? 0 : 1)
