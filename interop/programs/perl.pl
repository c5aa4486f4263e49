# packages: libzmq-ffi-perl perl
# loads: perl
# run: perl "$0"
#
# The binding of Perl, by FFI: request and reply, multipart subscriptions, polls, monitor events, errors.

use strict;
use warnings;
use ZMQ::FFI qw(:all);

my $context = ZMQ::FFI->new(soname => 'libzmq.so.5');

sub bound {
    my ($kind, $endpoint) = @_;
    my $socket = $context->socket($kind);
    $socket->bind($endpoint);
    return $socket;
}

sub connected {
    my ($kind, $to) = @_;
    my $socket = $context->socket($kind);
    $socket->set_linger(0);
    $socket->connect($to->get(ZMQ_LAST_ENDPOINT, 'string'));
    return $socket;
}

for my $endpoint ('tcp://127.0.0.1:*', 'ipc://perl', 'inproc://perl') {
    my $server = bound(ZMQ_REP, $endpoint);
    my $client = connected(ZMQ_REQ, $server);
    my $answer;
    for my $n (0 .. 99) {
        $client->send("request $n");
        $server->send(scalar reverse $server->recv());
        $answer = $client->recv();
    }
    print "$endpoint: $answer\n";
}

my $publisher  = bound(ZMQ_XPUB, 'tcp://127.0.0.1:*');
my $subscriber = connected(ZMQ_SUB, $publisher);
$subscriber->subscribe('a');
printf "subscription %s\n", unpack 'H*', $publisher->recv();
$publisher->send_multipart(['b', 'not for you']);
$publisher->send_multipart(['a1', 'x' x 70_000, '']);
print 'parts of ', join(' ', map { length } $subscriber->recv_multipart()), " bytes\n";

my $sink = bound(ZMQ_PULL, 'tcp://127.0.0.1:*');
my $source = connected(ZMQ_PUSH, $sink);
print 'readable at first: ', $sink->has_pollin() ? 'yes' : 'no', "\n";
$source->send($_) for 1 .. 500;
my $sum = 0;
$sum += $sink->recv() for 1 .. 500;
print "sum $sum\n";

eval { $sink->send('x') };
print 'refused: ', $@ =~ /(not supported)/i ? $1 : $@, "\n";
eval { $source->bind('ether://nowhere') };
print 'refused: ', $@ =~ /(Protocol not supported)/i ? $1 : $@, "\n";
