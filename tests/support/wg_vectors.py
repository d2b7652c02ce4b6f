#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints src/wg/vectors.h: a handshake of fixed keys, message by message, as the paper has it.

Written after the paper and nothing else, with Python's hashlib and python3-cryptography, so that two
readings of it meet in src/wg/noise_test.c.
"""
import hashlib
import hmac
import struct
import textwrap

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RAW = {"encoding": Encoding.Raw, "format": PublicFormat.Raw}


def hash_of(data):
    return hashlib.blake2s(data).digest()


def mac_of(key, data):
    return hashlib.blake2s(data, key=key, digest_size=16).digest()


def hmac_of(key, data):
    return hmac.new(key, data, hashlib.blake2s).digest()


def kdf(key, data, count):
    secret, output, outputs = hmac_of(key, data), b"", []
    for i in range(1, count + 1):
        output = hmac_of(secret, output + bytes([i]))
        outputs.append(output)
    return outputs


def public_of(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(**RAW)


def agree(private, public):
    return X25519PrivateKey.from_private_bytes(private).exchange(
        X25519PublicKey.from_public_bytes(public))


def seal(key, counter, plain, data):
    return ChaCha20Poly1305(key).encrypt(struct.pack("<IQ", 0, counter), plain, data)


def hchacha20(key, nonce):
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))

    def add(a, b, d, bits):
        state[a] = (state[a] + state[b]) & 0xffffffff
        state[d] ^= state[a]
        state[d] = (state[d] << bits | state[d] >> (32 - bits)) & 0xffffffff

    def quarter(a, b, c, d):
        add(a, b, d, 16)
        add(c, d, b, 12)
        add(a, b, d, 8)
        add(c, d, b, 7)

    for _ in range(10):
        for i in range(4):
            quarter(i, i + 4, i + 8, i + 12)
        for i in range(4):
            quarter(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12)
    return struct.pack("<8I", *state[:4], *state[12:])


def xseal(key, nonce, plain, data):
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).encrypt(
        b"\0\0\0\0" + nonce[16:], plain, data)


def fixed(name):
    return hashlib.sha256(name.encode()).digest()


def show(name, data):
    text = f"static const uint8_t {name}[{len(data)}] = {{"
    text += ", ".join(f"0x{byte:02x}" for byte in data) + "};"
    print(textwrap.fill(text, 90, subsequent_indent="\t"), end="\n\n")


def main():
    initiator, responder = fixed("initiator"), fixed("responder")
    ephemeral_i, ephemeral_r = fixed("initiator's ephemeral"), fixed("responder's ephemeral")
    preshared, timestamp = fixed("preshared"), fixed("timestamp")[:12]
    static_i, static_r = public_of(initiator), public_of(responder)
    public_i, public_r = public_of(ephemeral_i), public_of(ephemeral_r)

    chain = hash_of(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")
    state = hash_of(chain + b"WireGuard v1 zx2c4 Jason@zx2c4.com")
    state = hash_of(state + static_r)

    [chain] = kdf(chain, public_i, 1)
    state = hash_of(state + public_i)
    chain, key = kdf(chain, agree(ephemeral_i, static_r), 2)
    sealed_static = seal(key, 0, static_i, state)
    state = hash_of(state + sealed_static)
    chain, key = kdf(chain, agree(initiator, static_r), 2)
    sealed_timestamp = seal(key, 0, timestamp, state)
    state = hash_of(state + sealed_timestamp)
    initiation = struct.pack("<II", 1, 0x11223344) + public_i + sealed_static + sealed_timestamp
    mac1 = mac_of(hash_of(b"mac1----" + static_r), initiation)
    cookie = fixed("cookie")[:16]
    mac2 = mac_of(cookie, initiation + mac1)

    [chain] = kdf(chain, public_r, 1)
    state = hash_of(state + public_r)
    [chain] = kdf(chain, agree(ephemeral_r, public_i), 1)
    [chain] = kdf(chain, agree(ephemeral_r, static_i), 1)
    chain, mixed, key = kdf(chain, preshared, 3)
    state = hash_of(state + mixed)
    sealed_nothing = seal(key, 0, b"", state)
    response = struct.pack("<III", 2, 0x55667788, 0x11223344) + public_r + sealed_nothing
    response_mac1 = mac_of(hash_of(b"mac1----" + static_i), response)

    first, second = kdf(chain, b"", 2)
    nonce = fixed("nonce")[:24]
    reply = struct.pack("<II", 3, 0x11223344) + nonce + xseal(
        hash_of(b"cookie--" + static_r), nonce, cookie, mac1)
    plain = bytes(range(48))
    data = struct.pack("<IIQ", 4, 0x55667788, 5) + seal(first, 5, plain, b"")

    print("/* SPDX-License-Identifier: GPL-2.0-or-later */")
    print("/* Made by tests/support/wg_vectors.py; see there. */")
    print("#pragma once\n\n#include <stdint.h>\n")
    show("VECTOR_INITIATOR", initiator)
    show("VECTOR_RESPONDER", responder)
    show("VECTOR_INITIATOR_PUBLIC", static_i)
    show("VECTOR_RESPONDER_PUBLIC", static_r)
    show("VECTOR_INITIATOR_EPHEMERAL", ephemeral_i)
    show("VECTOR_RESPONDER_EPHEMERAL", ephemeral_r)
    show("VECTOR_PRESHARED", preshared)
    show("VECTOR_TIMESTAMP", timestamp)
    show("VECTOR_COOKIE", cookie)
    show("VECTOR_INITIATION", initiation + mac1 + mac2)
    show("VECTOR_RESPONSE", response + response_mac1 + bytes(16))
    show("VECTOR_COOKIE_REPLY", reply)
    show("VECTOR_FIRST_KEY", first)
    show("VECTOR_SECOND_KEY", second)
    show("VECTOR_DATA", data)


main()
