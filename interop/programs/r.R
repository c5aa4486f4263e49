# packages: r-cran-pbdzmq r-base-core
# loads: R
# run: Rscript "$0"
# large: 30 MB to fetch, 54 MB on disk
#
# pbdZMQ of R: request and reply with R's objects, a subscription, messages of parts, a poll.

suppressPackageStartupMessages(library(pbdZMQ))
context <- zmq.ctx.new()
bound <- function(kind, name) {
  socket <- zmq.socket(context, kind)
  zmq.bind(socket, name)
  socket
}
connected <- function(kind, name) {
  socket <- zmq.socket(context, kind)
  zmq.connect(socket, name)
  socket
}

for (name in c("ipc://r", "inproc://r")) {
  rep <- bound(.pbd_env$ZMQ.ST$REP, name)
  req <- connected(.pbd_env$ZMQ.ST$REQ, name)
  for (n in 1:50) {
    zmq.msg.send(list(n = n, x = runif(100)), req)
    request <- zmq.msg.recv(rep)
    zmq.msg.send(request$n * 2, rep)
    answer <- zmq.msg.recv(req)
  }
  cat(name, answer, length(request$x), "\n")
  zmq.close(req)
  zmq.close(rep)
}

xpub <- bound(.pbd_env$ZMQ.ST$XPUB, "ipc://news")
sub <- connected(.pbd_env$ZMQ.ST$SUB, "ipc://news")
zmq.setsockopt(sub, .pbd_env$ZMQ.SO$SUBSCRIBE, "a")
poll <- zmq.poll(c(xpub), c(.pbd_env$ZMQ.PO$POLLIN), timeout = 10000L)
cat("ready:", zmq.poll.get.revents(1), "\n")
cat("subscription:", format(zmq.recv(xpub, 10L, buf.type = "raw")$buf[1:2]), "\n")
zmq.send(xpub, "b: no")
zmq.send.multipart(xpub, list(charToRaw("a1"), serialize(1:10000, NULL)), serialize = FALSE)
parts <- zmq.recv.multipart(sub, unserialize = FALSE)
cat("parts:", length(parts), rawToChar(parts[[1]]), sum(unserialize(parts[[2]])), "\n")
