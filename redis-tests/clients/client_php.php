#!/usr/bin/env php
<?php
/* client_php.php -- Quorum as a user of php-redis sees it.
 *
 *     client_php.php PORT
 *
 * Works through the node on this port, best a follower. The last line is "N passed, N failed".
 */
declare(strict_types=1);

$passed = 0;
$failed = 0;

/* One check: an answer is exactly as expected. */
function equal(string $what, $answer, $expected): void
{
    global $passed, $failed;
    if ($answer === $expected) {
        $passed++;
        return;
    }
    $failed++;
    echo "  FAILED: $what\n    answered ", var_export($answer, true), "\n    expected ",
        var_export($expected, true), "\n";
}

function sorted(array $values): array
{
    sort($values);
    return $values;
}

function connect(int $port): Redis
{
    $client = new Redis();
    $client->connect('127.0.0.1', $port, 10.0, null, 0, 10.0);
    return $client;
}

function strings(Redis $client): void
{
    $every_byte = implode('', array_map('chr', range(0, 255)));
    equal('SET', $client->set('php:bytes', $every_byte), true);
    equal('GET', $client->get('php:bytes'), $every_byte);
    equal('GET of no key', $client->get('php:none'), false);
    equal('SET NX EX', $client->set('php:ttl', 'x', ['nx', 'ex' => 1000]), true);
    equal('TTL', $client->ttl('php:ttl') > 990, true);
    equal('SET NX of a key', $client->set('php:ttl', 'y', ['nx']), false);
    equal('INCRBY', $client->incrBy('php:n', 41), 41);
    equal('INCRBYFLOAT', $client->incrByFloat('php:f', 0.5), 0.5);
    equal('MSET', $client->mset(['php:a' => '1', 'php:b' => '2']), true);
    equal('MGET', $client->mget(['php:a', 'php:none', 'php:b']), ['1', false, '2']);
    equal('SETBIT', $client->setBit('php:bits', 7, true), 0);
    equal('BITCOUNT', $client->bitCount('php:bits'), 1);
    equal('an error', $client->rawCommand('INCR', 'php:bytes'), false);
    equal('its text', $client->getLastError(), 'ERR value is not an integer or out of range');
}

function containers(Redis $client): void
{
    equal('HMSET', $client->hMSet('php:hash', ['a' => '1', 'b' => '2']), true);
    equal('HGETALL', $client->hGetAll('php:hash'), ['a' => '1', 'b' => '2']);
    equal('HMGET', $client->hMGet('php:hash', ['b', 'c']), ['b' => '2', 'c' => false]);
    equal('HINCRBY', $client->hIncrBy('php:hash', 'a', 4), 5);
    equal('RPUSH', $client->rPush('php:list', 'a', 'b', 'c'), 3);
    equal('LRANGE', $client->lRange('php:list', 0, -1), ['a', 'b', 'c']);
    equal('LPOP', $client->lPop('php:list'), 'a');
    equal('BLPOP', $client->blPop(['php:none', 'php:list'], 5), ['php:list', 'b']);
    equal('SADD', $client->sAdd('php:set', 'a', 'b', 'c'), 3);
    equal('SMEMBERS', sorted($client->sMembers('php:set')), ['a', 'b', 'c']);
    equal('SINTER', $client->sInter('php:set', 'php:none'), []);
    equal('SPOP', in_array($client->sPop('php:set'), ['a', 'b', 'c'], true), true);
    equal('ZADD', $client->zAdd('php:zset', 1.5, 'a', 2, 'b'), 2);
    equal('ZRANGE', $client->zRange('php:zset', 0, -1, true), ['a' => 1.5, 'b' => 2.0]);
    equal('ZRANGEBYSCORE', $client->zRangeByScore('php:zset', '(1.5', '+inf'), ['b']);
    equal('GEOADD', $client->geoAdd('php:geo', 13.361389, 38.115556, 'Palermo'), 1);
    equal('GEODIST of none', $client->geodist('php:geo', 'Palermo', 'none'), false);
    equal('PFADD', $client->pfAdd('php:hll', ['a', 'b']), 1);
    equal('PFCOUNT', $client->pfCount('php:hll'), 2);
    equal('SORT', $client->sort('php:set2', ['alpha' => true]), []);
}

function transactions(Redis $client, Redis $other): void
{
    $answers = $client->multi()->set('php:multi', '1')->incr('php:multi')->get('php:multi')->exec();
    equal('MULTI', $answers, [true, 2, '2']);
    $client->watch('php:multi');
    $other->set('php:multi', '5');
    equal('WATCH', $client->multi()->set('php:multi', '6')->exec(), false);
    equal('what the other has set stays', $client->get('php:multi'), '5');
    $answers = $client->pipeline()->incr('php:multi')->hGetAll('php:none')->exec();
    equal('a pipeline', $answers, [6, []]);
}

function scanning(Redis $client): void
{
    $client->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
    $found = [];
    for ($i = 0; $i < 300; $i++) {
        $client->sAdd('php:members', "m$i");
    }
    $cursor = null;
    while (($members = $client->sScan('php:members', $cursor, '*', 20)) !== false) {
        $found = array_merge($found, $members);
    }
    equal('SSCAN finds every member', count(array_unique($found)), 300);
    $keys = [];
    $cursor = null;
    while (($some = $client->scan($cursor, 'php:*', 50)) !== false) {
        $keys = array_merge($keys, $some);
    }
    equal('SCAN finds what KEYS does', sorted(array_unique($keys)), sorted($client->keys('php:*')));
    equal('all is removed at the end', $client->del($keys), count(array_unique($keys)));
}

$client = connect((int)$argv[1]);
strings($client);
containers($client);
transactions($client, connect((int)$argv[1]));
scanning($client);
echo '  php-redis ', phpversion('redis'), "\n";
echo "$passed passed, $failed failed\n";
exit($failed > 0 ? 1 : 0);
