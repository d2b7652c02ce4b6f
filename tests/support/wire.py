# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames as they came from a cable, and whether each of them is right to the last bit.

The kernel keeps them until they are asked for, so a test may send as fast as it can.
"""
import socket
import struct

from scapy.layers.l2 import Ether
from scapy.utils import checksum

SOL_PACKET, PACKET_STATISTICS, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 6, 8, 23
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33
QUEUE = 1 << 30
VLAN_VALID, VLAN_TPID_VALID, CHECKSUM_NOT_READY = 1 << 4, 1 << 6, 1 << 3
IP4, ARP, RARP, VLAN, IP6, LOOP_PROBE = 0x0800, 0x0806, 0x8035, 0x8100, 0x86dd, 0x88b5
TCP, UDP, ICMP, ICMP6, FRAGMENT = 6, 17, 1, 58, 44
EXTENSIONS = (0, 43, 60)  # hop-by-hop options, routing, destination options
DHCP_PORTS = {67, 68, 546, 547}


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


class Wire:
    def __init__(self, namespace, interface, may_be_unfinished=False):
        """may_be_unfinished: the other end leaves checksums to a NIC, as virtual ones may."""
        self._may_be_unfinished = may_be_unfinished
        self._socket = namespace.packet(interface)
        self._socket.setblocking(False)
        self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, QUEUE)
        self._frames = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def frames(self):
        """All so far, as bytes."""
        try:
            while True:
                frame, kind = self._read()
                # Some may have left before the socket was told to ignore those.
                if kind != PACKET_OUTGOING:
                    self._frames.append(frame)
        except BlockingIOError:
            pass
        statistics = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        assert struct.unpack("II", statistics)[1] == 0, "the capture has lost frames"
        return self._frames

    def packets(self):
        """The same, for scapy."""
        return [Ether(frame) for frame in self.frames()]

    def _read(self):
        frame, notes, _, address = self._socket.recvmsg(70000, 100)
        status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", notes[0][2][:20])
        assert self._may_be_unfinished or not status & CHECKSUM_NOT_READY, "a checksum is left to a NIC that does none"
        if status & VLAN_VALID:
            tag = struct.pack("!HH", tpid if status & VLAN_TPID_VALID else VLAN, tci)
            frame = frame[:12] + tag + frame[12:]
        return frame, address[2]

    def judge(self, speakers, foreign=()):
        """A failed assertion names the first frame that is wrong; see Judge."""
        judge = Judge(speakers, foreign)
        for frame in self.frames():
            judge.see(frame)


class Judge:
    """speakers: all source addresses there may be. foreign: addresses that may not be named anywhere,
    but where a DHCP client says who it is."""

    def __init__(self, speakers, foreign=()):
        self._speakers = {mac_bytes(mac) for mac in speakers}
        self._foreign = [mac_bytes(mac) for mac in foreign]
        self._parts = {}  # of datagrams whose other fragments are still to come

    def see(self, frame):
        complaint = self._frame(frame)
        assert not complaint, f"{complaint}: {frame.hex()}\n{Ether(frame).show(dump=True)}"

    def _frame(self, frame):
        if len(frame) < 60:
            return f"{len(frame)} bytes are no frame"
        kind, rest = struct.unpack_from("!H", frame, 12)[0], frame[14:]
        if kind == VLAN:
            kind, rest = struct.unpack_from("!H", rest, 2)[0], rest[4:]
        if frame[6:12] not in self._speakers and (kind != LOOP_PROBE or self._foreign):
            return "a foreign MAC address speaks"
        if kind == IP4:
            return self._ip4(rest)
        if kind == IP6:
            return self._ip6(rest)
        if kind in (ARP, RARP) and rest[8:14] not in self._speakers:
            return "ARP of a foreign MAC address"
        return self._names(rest)

    def _names(self, text):
        """Of machines that the LAN is not to know of."""
        if any(mac in text for mac in self._foreign):
            return "a foreign MAC address is named"
        return None

    def _ip4(self, packet):
        header_len, length = (packet[0] & 15) * 4, struct.unpack_from("!H", packet, 2)[0]
        if checksum(packet[:header_len]):
            return "IPv4 header checksum"
        data, fragment = packet[header_len:length], struct.unpack_from("!H", packet, 6)[0]
        if fragment & 0x3fff:
            data = self._join(packet[4:6] + packet[9:10] + packet[12:20], (fragment & 0x1fff) * 8,
                              fragment & 0x2000, data)
        return data and self._transport(packet[9], packet[12:20], data)

    def _ip6(self, packet):
        length, protocol = struct.unpack_from("!HB", packet, 4)
        data = packet[40:40 + length]
        while protocol in EXTENSIONS:
            protocol, data = data[0], data[8 + data[1] * 8:]
        if protocol == FRAGMENT:
            offset = struct.unpack_from("!H", data, 2)[0]
            protocol, data = data[0], self._join(packet[8:40] + data[4:8], offset & 0xfff8, offset & 1,
                                                 data[8:])
        return data and self._transport(protocol, packet[8:40], data)

    def _join(self, key, offset, has_more, data):
        """The whole datagram, once all of it is here."""
        parts = self._parts.setdefault(key, {})
        parts[offset] = (data, has_more)
        whole = b""
        for at in sorted(parts):
            if at != len(whole):
                return None
            whole += parts[at][0]
        if parts[max(parts)][1]:
            return None
        del self._parts[key]
        return whole

    def _transport(self, protocol, addresses, data):
        is_dhcp, length = False, len(data)
        if protocol == UDP:
            from_port, to_port, length, field = struct.unpack_from("!HHHH", data)
            is_dhcp = bool(DHCP_PORTS & {from_port, to_port})
            if not field and len(addresses) == 8:
                return None if is_dhcp else self._names(data)
        pseudo = b"" if protocol == ICMP else addresses + struct.pack("!HH", protocol, length)
        if protocol in (TCP, UDP, ICMP, ICMP6) and checksum(pseudo + data[:length]):
            return f"checksum of protocol {protocol}"
        return None if is_dhcp else self._names(data)
