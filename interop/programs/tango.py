# packages: python3-tango
# loads: python3
# run: python3 -P "$0"
# large: 15 MB to fetch, 78 MB on disk
"""Tango, a control system: a device server publishes the changes of an attribute as events, by PUB and SUB."""

import queue

import tango
from tango.server import Device, attribute, command
from tango.test_context import DeviceTestContext


class Counter(Device):
    def init_device(self):
        super().init_device()
        self.count_ = 0
        self.set_change_event("count", True, False)

    @attribute(dtype=int)
    def count(self):
        return self.count_

    @command(dtype_in=int)
    def add(self, n):
        self.count_ += n
        self.push_change_event("count", self.count_)


with DeviceTestContext(Counter, process=True) as device:
    events = queue.Queue()
    device.subscribe_event("count", tango.EventType.CHANGE_EVENT, events.put)
    print("at first", events.get(timeout=20).attr_value.value)
    for n in range(50):
        device.add(n)
    values = [events.get(timeout=20) for _ in range(50)]
    print([event.attr_value.value for event in values if not event.err])
