#!/usr/bin/env node
/* client_node.js -- Quorum as a user of node-redis sees it.
 *
 *     client_node.js PORT
 *
 * Works through the node on this port, best a follower. The last line is "N passed, N failed".
 * Where node is not Debian's own, NODE_PATH has to be /usr/share/nodejs: Debian's library is there.
 */
'use strict';

const assert = require('assert');
const redis = require('redis');

const port = Number(process.argv[2]);
let passed = 0;
let failed = 0;

/* One check: what a promise comes to is exactly this. */
async function equal(what, promise, expected) {
    let answer;
    try {
        answer = await promise;
        assert.deepStrictEqual(answer, expected);
        passed++;
    } catch (error) {
        failed++;
        console.log(`  FAILED: ${what}`);
        console.log(error instanceof assert.AssertionError ? error.message : error);
    }
}

/* One check: a promise fails with these words. */
async function rejects(what, promise, words) {
    const message = promise.then(() => 'no error', (error) => error.message);
    await equal(what, message.then((text) => [words.test(text), text]), [true, await message]);
}

async function connect(options) {
    const client = redis.createClient({
        socket: {
            host: '127.0.0.1',
            port,
            reconnectStrategy: (tries) => (tries < 100 ? 50 : new Error('no connection')),
        },
        ...options,
    });
    /* Without a listener an error that is expected would end the program. */
    client.on('error', () => {});
    await client.connect();
    return client;
}

async function strings(client) {
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await equal('SET', client.set('js:text', 'größe'), 'OK');
    await equal('GET', client.get('js:text'), 'größe');
    await equal('GET of no key', client.get('js:none'), null);
    await equal('SET of bytes', client.set('js:bytes', everyByte), 'OK');
    await equal('GET of bytes',
        client.get(redis.commandOptions({ returnBuffers: true }), 'js:bytes'), everyByte);
    await equal('SET NX', client.set('js:text', 'x', { NX: true }), null);
    await equal('SET GET', client.set('js:text', 'new', { GET: true }), 'größe');
    await equal('APPEND', client.append('js:text', 'er'), 5);
    await equal('GETRANGE', client.getRange('js:text', 1, -2), 'ewe');
    await equal('GETDEL', client.getDel('js:text'), 'newer');
    await equal('EXISTS', client.exists(['js:text', 'js:bytes']), 1);
    await equal('MSET', client.mSet({ 'js:a': '1', 'js:b': '2' }), 'OK');
    await equal('MGET', client.mGet(['js:a', 'js:none', 'js:b']), ['1', null, '2']);
    await equal('MSETNX', client.mSetNX({ 'js:a': '3', 'js:new': '3' }), false);
    await equal('INCR', client.incr('js:n'), 1);
    await equal('INCRBY', client.incrBy('js:n', 41), 42);
    await equal('INCRBYFLOAT', client.incrByFloat('js:f', 0.5), '0.5');
    await equal('TYPE', client.type('js:n'), 'string');
    await equal('RENAME', client.rename('js:a', 'js:c'), 'OK');
    await equal('DEL', client.del(['js:b', 'js:c', 'js:none']), 2);
    await rejects('INCR of bytes', client.incr('js:bytes'), /^ERR value is not an integer/);
    await rejects('an unknown command', client.sendCommand(['NOSUCH', 'x']),
        /^ERR unknown command/);
    await equal('after errors the connection is in step', client.get('js:n'), '42');
}

async function expiry(client) {
    await equal('SET EX', client.set('js:ttl', 'x', { EX: 1000 }), 'OK');
    await equal('TTL', client.ttl('js:ttl').then((ttl) => ttl > 990 && ttl <= 1000), true);
    await equal('PERSIST', client.persist('js:ttl'), true);
    await equal('TTL of a key without', client.ttl('js:ttl'), -1);
    await equal('EXPIRE', client.expire('js:ttl', 100), true);
    await equal('EXPIRE NX', client.expire('js:ttl', 100, 'NX'), false);
    await equal('GETEX', client.getEx('js:ttl', { PX: 50000 }), 'x');
    await equal('PSETEX', client.pSetEx('js:short', 50, 'x'), 'OK');
    const end = Date.now() + 10000;
    while ((await client.exists('js:short')) && Date.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await equal('a key is gone when its time is over', client.get('js:short'), null);
}

/* Commands given in one turn go out together: node-redis's own pipelining. */
async function pipelines(client) {
    const numbers = Array.from({ length: 2000 }, (_, i) => i);
    await equal('2000 SETs at once',
        Promise.all(numbers.map((i) => client.set(`js:p:${i}`, `v${i}`))), numbers.map(() => 'OK'));
    await equal('2000 GETs at once', Promise.all(numbers.map((i) => client.get(`js:p:${i}`))),
        numbers.map((i) => `v${i}`));
    await equal('execAsPipeline',
        client.multi().set('js:m', '5').incr('js:m').get('js:m').execAsPipeline(), ['OK', 6, '6']);
    const found = [];
    for await (const key of client.scanIterator({ MATCH: 'js:p:*', COUNT: 100 })) {
        found.push(key);
    }
    await equal('scanIterator finds every key', found.sort(),
        numbers.map((i) => `js:p:${i}`).sort());
    await equal('KEYS', client.keys('js:p:*').then((keys) => keys.length), 2000);
}

async function connections(client) {
    const named = await connect({ name: 'js-named', database: 3 });
    await equal('a name', named.clientGetName(), 'js-named');
    await equal('a database', named.set('js:three', '3').then(() => named.dbSize()), 1);
    await equal('not in database 0', client.get('js:three'), null);
    await equal('FLUSHDB', named.flushDb(), 'OK');
    await equal('HELLO', named.hello().then((hello) => [hello.server, hello.proto]), ['redis', 2]);
    await equal('HELLO 2 SETNAME', named.hello({ protover: '2', clientName: 'js-hello' })
        .then(() => named.clientGetName()), 'js-hello');
    await equal('PING', named.ping(), 'PONG');

    const killed = await named.clientId();
    const ready = new Promise((resolve) => { named.once('ready', resolve); });
    await equal('CLIENT KILL', client.sendCommand(['CLIENT', 'KILL', 'ID', String(killed)]), 1);
    await equal('it connects again by itself', ready.then(() => named.ping()), 'PONG');
    await equal('with its name', named.clientGetName(), 'js-named');
    await equal('and with another id', named.clientId().then((id) => id > killed), true);
    const copy = named.duplicate();
    await copy.connect();
    await equal('a duplicate', copy.clientGetName(), 'js-named');
    await copy.quit();
    await named.quit();
    await equal('closed after quit', Promise.resolve([copy.isOpen, named.isOpen]), [false, false]);

    const pooled = await connect({ isolationPoolOptions: { min: 2, max: 5 } });
    const turns = Array.from({ length: 50 },
        () => pooled.executeIsolated((one) => one.incr('js:pool')));
    await equal('isolated connections',
        Promise.all(turns).then((answers) => answers.sort((a, b) => a - b)),
        Array.from({ length: 50 }, (_, i) => i + 1));
    await pooled.quit();
}

async function information(client) {
    const info = await client.info();
    await equal('INFO', Promise.resolve([/^redis_version:7\.0\.15\r$/m.test(info),
        /^loading:0\r$/m.test(info), /^role:(master|slave)\r$/m.test(info)]), [true, true, true]);
    await equal('CONFIG GET', client.configGet('databases').then((map) => ({ ...map })),
        { databases: '16' });
    await equal('COMMAND COUNT', client.commandCount().then((count) => count > 50), true);
    await equal('COMMAND INFO', client.commandInfo(['get']).then((rows) => rows[0].name), 'get');
    await equal('COMMAND LIST', client.commandList().then((names) => names.includes('set')), true);
    await equal('COMMAND GETKEYS', client.commandGetKeys(['SET', 'a', 'b']), ['a']);
    await equal('ROLE', client.role().then((one) => ['master', 'slave'].includes(one.role)), true);
    await equal('TIME', client.time().then((one) => Math.abs(one - Date.now()) < 60000), true);
    await equal('DBSIZE', client.dbSize().then((size) => size > 0), true);
    await equal('WAIT', client.wait(1, 1000).then((count) => count >= 1), true);
}

async function main() {
    const client = await connect({});
    for (const part of [strings, expiry, pipelines, connections, information]) {
        try {
            await part(client);
        } catch (error) {
            failed++;
            console.log(`  FAILED: ${part.name} ended early`, error);
        }
    }
    const leftovers = await client.keys('js:*');
    await equal('all is removed at the end', client.del(leftovers), leftovers.length);
    await client.quit();
}

main().catch((error) => {
    failed++;
    console.log(error);
}).finally(() => {
    console.log(`  node-redis ${require('redis/package.json').version}`);
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed === 0 && passed > 0 ? 0 : 1);
});
