# packages: python3-aiozmq python3-msgpack python3-zmq
# loads: python3
# run: python3 -P "$0"
"""aiozmq, remote calls, pipelines and publications over asyncio, which waits on the descriptor of ZMQ_FD itself."""

import asyncio

import aiozmq
import aiozmq.rpc
import zmq


class Calculator(aiozmq.rpc.AttrHandler):
    @aiozmq.rpc.method
    def add(self, a: int, b: int) -> int:
        return a + b

    @aiozmq.rpc.method
    async def slow_double(self, a: int) -> int:
        await asyncio.sleep(0)
        return 2 * a

    @aiozmq.rpc.method
    def fail(self):
        raise ValueError("asked for")


async def calls():
    server = await aiozmq.rpc.serve_rpc(Calculator(), bind="tcp://127.0.0.1:*")
    (endpoint,) = server.transport.bindings()
    client = await aiozmq.rpc.connect_rpc(connect=endpoint)
    print("one call", await client.call.add(1, 2))
    print("many at once", sum(await asyncio.gather(*(client.call.slow_double(n) for n in range(500)))))
    try:
        await client.call.fail()
    except ValueError as error:
        print("an error travels", error)
    client.close(), server.close()
    await client.wait_closed(), await server.wait_closed()


async def streams():
    router = await aiozmq.create_zmq_stream(zmq.ROUTER, bind="tcp://127.0.0.1:*")
    (endpoint,) = router.transport.bindings()
    dealer = await aiozmq.create_zmq_stream(zmq.DEALER, connect=endpoint)
    for n in range(300):
        dealer.write((b"%d" % n, b"x" * n))
    total = 0
    for n in range(300):
        peer, number, body = await router.read()
        total += int(number) + len(body)
        router.write((peer, number))
        await router.drain()
    print("sum", total, [int((await dealer.read())[0]) for _ in range(300)][-1])
    router.close(), dealer.close()


asyncio.run(calls())
asyncio.run(streams())
