-- packages: libghc-zeromq4-haskell-dev ghc
-- loads: haskell
-- run: ghc -v0 -outputdir . -o haskell "$0" && ./haskell
-- large: 74 MB to fetch, 802 MB on disk
--
-- The binding of Haskell: request and reply, a subscription, messages of parts, a poll.

{-# LANGUAGE OverloadedStrings #-}

import Control.Monad
import qualified Data.ByteString.Char8 as B
import System.ZMQ4.Monadic

main :: IO ()
main = runZMQ $ do
  forM_ ["tcp://127.0.0.1:*", "ipc://haskell", "inproc://haskell"] $ \name -> do
    server <- socket Rep
    client <- socket Req
    bind server name
    lastEndpoint server >>= connect client
    answers <- forM [1 .. 50 :: Int] $ \n -> do
      send client [] (B.pack ("request " ++ show n))
      receive server >>= send server [] . B.reverse
      receive client
    liftIO $ putStrLn (name ++ ": " ++ B.unpack (last answers))
    close client
    close server
  publisher <- socket XPub
  subscriber <- socket Sub
  bind publisher "tcp://127.0.0.1:*"
  lastEndpoint publisher >>= connect subscriber
  subscribe subscriber "a"
  subscription <- receive publisher
  send publisher [] "b: no"
  send publisher [SendMore] "a1"
  send publisher [] (B.replicate 70000 'x')
  ready <- poll 10000 [Sock subscriber [In] Nothing]
  parts <- receiveMulti subscriber
  liftIO $ print (subscription, map length ready, map B.length parts)
