% packages: octave-zeromq octave
% loads: octave-cli
% run: octave-cli --no-gui --quiet "$0"
% large: 82 MB to fetch, 267 MB on disk
%
% The package zeromq of Octave: request and reply, a subscription, messages of parts, a poll.

pkg load zeromq
endpoint = @(socket) strtok(char(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT)), char(0));

for name = {"tcp://127.0.0.1:*", "ipc://octave", "inproc://octave"}
  rep = zmq_socket(ZMQ_REP);
  req = zmq_socket(ZMQ_REQ);
  zmq_bind(rep, name{1});
  if strncmp(name{1}, "tcp", 3)
    zmq_connect(req, endpoint(rep));
  else
    zmq_connect(req, name{1});
  end
  for n = 1:50
    zmq_send(req, uint8(sprintf("request %d", n)));
    zmq_poll(rep, 10000);
    zmq_send(rep, fliplr(zmq_recv(rep, 100)));
    zmq_poll(req, 10000);
    answer = zmq_recv(req, 100);
  end
  printf("%s: %s\n", name{1}, char(answer));
  zmq_close(req);
  zmq_close(rep);
end

xpub = zmq_socket(ZMQ_XPUB);
sub = zmq_socket(ZMQ_SUB);
zmq_bind(xpub, "ipc://news");
zmq_connect(sub, "ipc://news");
zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "a");
zmq_poll(xpub, 10000);
printf("subscription of %d bytes\n", numel(zmq_recv(xpub, 10)));
zmq_send(xpub, uint8("b: no"));
zmq_send(xpub, uint8("a1"), ZMQ_SNDMORE);
zmq_send(xpub, uint8(ones(1, 5000)));
zmq_poll(sub, 10000);
first = zmq_recv(sub, 100);
printf("%s, more: %d, then %d bytes\n", char(first), zmq_getsockopt(sub, ZMQ_RCVMORE), numel(zmq_recv(sub, 10000)));
zmq_close(sub);
zmq_close(xpub);
