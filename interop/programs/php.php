<?php
// packages: php8.2-zmq php8.2-cli
// loads: php8.2
// run: php8.2 "$0"
//
// The binding of PHP: request and reply, a poll over two sockets, subscriptions, a device with a timer, errors.

$context = new ZMQContext();

function bound(ZMQContext $context, int $kind, string $endpoint): ZMQSocket
{
    $socket = new ZMQSocket($context, $kind);
    $socket->setSockOpt(ZMQ::SOCKOPT_LINGER, 0);
    return $socket->bind($endpoint);
}

function connected(ZMQContext $context, int $kind, ZMQSocket $to): ZMQSocket
{
    $socket = new ZMQSocket($context, $kind);
    $socket->setSockOpt(ZMQ::SOCKOPT_LINGER, 0);
    return $socket->connect($to->getSockOpt(ZMQ::SOCKOPT_LAST_ENDPOINT));
}

foreach (["tcp://127.0.0.1:*", "ipc://php", "inproc://php"] as $endpoint) {
    $server = bound($context, ZMQ::SOCKET_REP, $endpoint);
    $client = connected($context, ZMQ::SOCKET_REQ, $server);
    for ($n = 0; $n < 100; $n++) {
        $client->send("request $n");
        $server->send(strrev($server->recv()));
        $answer = $client->recv();
    }
    echo "$endpoint: $answer\n";
}

$publisher = bound($context, ZMQ::SOCKET_XPUB, "tcp://127.0.0.1:*");
$subscriber = connected($context, ZMQ::SOCKET_SUB, $publisher);
$subscriber->setSockOpt(ZMQ::SOCKOPT_SUBSCRIBE, "stock.");
echo "subscribed: ", bin2hex($publisher->recv()), "\n";
$publisher->sendMulti(["bond.X", "1"])->sendMulti(["stock.Y", "2", str_repeat("z", 50000)]);
echo "published: ", implode(" ", array_map(fn ($part) => substr($part, 0, 8), $subscriber->recvMulti())), "\n";

$sink = bound($context, ZMQ::SOCKET_PULL, "tcp://127.0.0.1:*");
$source = connected($context, ZMQ::SOCKET_PUSH, $sink);
$poll = new ZMQPoll();
$poll->add($sink, ZMQ::POLL_IN);
$poll->add($publisher, ZMQ::POLL_IN);
$readable = $writable = [];
echo "ready without traffic: ", $poll->poll($readable, $writable, 0), "\n";
$source->send("work");
echo "ready with traffic: ", $poll->poll($readable, $writable, 10000), " ", $readable[0]->recv(), "\n";

// A device ends when the callback of its timer returns false.
$front = bound($context, ZMQ::SOCKET_ROUTER, "tcp://127.0.0.1:*");
$back = bound($context, ZMQ::SOCKET_DEALER, "tcp://127.0.0.1:*");
$asks = connected($context, ZMQ::SOCKET_REQ, $front);
$answers = connected($context, ZMQ::SOCKET_REP, $back);
$asks->send("over a device");
$device = new ZMQDevice($front, $back);
$turns = 0;
$device->setTimerCallback(function () use ($asks, $answers, &$turns) {
    $request = $answers->recv(ZMQ::MODE_DONTWAIT);
    if ($request !== false) {
        $answers->send("answer to: $request");
    }
    $reply = $asks->recv(ZMQ::MODE_DONTWAIT);
    if ($reply !== false) {
        echo "$reply\n";
    }
    return $reply === false;
}, 10);
$device->run();

try {
    $answers->send("out of turn");
} catch (ZMQSocketException $error) {
    echo "refused: ", $error->getMessage(), " ", $error->getCode() === ZMQ::ERR_EFSM ? "EFSM" : $error->getCode(), "\n";
}
