/*  SPDX-License-Identifier: MIT OR Apache-2.0
 *
 *  Deprecated: zmq.h has everything that this header once declared. It stays for the programs that include it.
 */

#include "zmq.h"
